r"""How people and chat models give an answer that is not a plain count. `@` is the answer, `~` another one.

Phrases for answers in LaTeX set them as mathematics; the others are plain text. In `TWO_ANSWERS` the right one stands
first, and the text ends with the other, or with both.
"""

from __future__ import annotations

LATEX_RIGHT = [
    r"The answer is $@$.",
    r"Therefore, the answer is $\boxed{@}$.",
    r"Expanding and collecting terms, we arrive at" + "\n\n\\[\n\\boxed{@}\n\\]",
    r"**Final Answer:** \(@\)",
    r"We rewrite the condition and solve it step by step. So the final answer is \(\boxed{@}\).",
    r"#### $@$",
    r"The final answer is: $\boxed{@}$",
    r"$$\boxed{@}$$",
    r"Checking $x = 1$ first gives $7$, which is too much. Hence the result is $@$.",
    r"\boxed{@}",
    r"**Answer**" + "\n\n$$@$$",
    r"Answer: $@$. Let me know if you would like more detail!",
    r"The answer is \(@\), because all other cases lead to a contradiction.",
    r"Final Answer: The final answer is $@$. I hope it is correct.",
    r"Step 1: simplify." + "\n" + r"Step 2: solve." + "\n\n" + r"So we conclude that the value is \(@\).",
    r"After simplification, we obtain" + "\n$$\n@\n$$",
    r"Therefore, the solution is" + "\n\\[\n@.\n\\]",
    r"**The answer is $@$.**",
    r"This simplifies to $\boxed{@}$, and we are done.",
    r"The correct answer is therefore $@$",
    r"$@$",
    r"Combining the two conditions gives us our final answer: $@$.",
    r"Hence, $\boxed{@}$ is the answer.",
    r"**Answer: $@$**",
    r"So the answer to the problem is \(\boxed{@}\). Feel free to ask if a step is unclear!",
    r"Our answer is $@$, as required.",
    "Thus\n" + r"\[\boxed{@}.\]",
    r"<answer>$@$</answer>",
    r"It follows that what we are looking for equals $@$.",
    r"\(\boxed{@}\)",
    r"The final result, after cancelling the factor of $2$, is $@$.",
    r"Substituting back, we see that this works. The answer is thus \(@\).",
    r"**Solution.** Using the identity from above, the expression becomes $\boxed{@}$.",
    r"The answer is:" + "\n\n$$@$$" + "\n\nLet me know if you need anything else.",
    r"We get \[ @ \]",
    r"Final answer: \[\boxed{@}\]",
    r"*The answer is* $@$.",
    r"$\text{Answer: } @$",
    r"Therefore the answer must be $@$ (there are no other solutions).",
]

PLAIN_RIGHT = [
    "The answer is @.",
    "Answer: @",
    "So the final answer is **@**.",
    "**Final Answer:** @",
    "#### @",
    "Let me think. First I tried 7, which did not fit. The answer is therefore @.",
    "@",
    "The answer is @, because nothing else is possible.",
    "The correct answer is `@`.",
    "### Answer\n\n@",
    "Final answer: **@**\n\nI hope this helps!",
    "\\boxed{@}",
    "Working through the 3 steps above, the result is **@**.",
    "Final Answer: The final answer is @. I hope it is correct.",
    "**The answer is @.**",
    "Thus we have found what we wanted: the answer is @",
    "Answer:\n@",
    "The answer turns out to be @!",
    "Our answer is @, as required.",
    "ANSWER: @",
    "So we end up with **@**.",
    "<answer>@</answer>",
    "Hence the answer is exactly @.",
    "*Answer:* @",
    "The final answer would be @, since the other case was ruled out in step 2.",
    "> The answer is **@**.",
    "Solution: @",
    "So the answer to the question is @.",
    "Final result: @",
    "The answer is\n\n**@**",
    "*The answer is @.*",
    "- Answer: @",
    "Therefore the answer must be @ (there are no other solutions).",
    "Using the formula from step 1, I get: @",
]

TWO_ANSWERS = [
    "The answer is @ or ~.",
    "You might think the answer is @, but the answer is ~.",
    "The answer is not @ but ~.",
    "First we get @. The final answer, however, is ~.",
    "The answer is @. Wait, that is a mistake. The correct answer is ~.",
    "Some would say @.\n\n#### ~",
    "It looks like @ at first.\n\n**Answer:** ~",
    "The answer is either @ or ~.",
    "@ is what one gets without care. The correct answer is ~.",
    "**Answer:** @\n\nCorrection: **Answer:** ~",
    "The answer isn't @; the answer is ~.",
    "The answer is @, or rather ~.",
    "It can't be @, so the answer is ~.",
    "My first result was @. My final answer is ~.",
]


# Written last: see `bench.checks_answers` about what is held out.

LATEX_HELD_OUT = [
    r"This gives a final answer of $@$.",
    r"In conclusion, the answer is \[@\]",
    r"**Result:** $@$",
    r"Both methods lead to the same result, so the answer is $\boxed{@}$. ∎",
]

PLAIN_HELD_OUT = [
    "This gives a final answer of @.",
    "**Result:** @",
    "The answer we were looking for is @.",
    "After 2 simplifications: @",
]

TWO_HELD_OUT = [
    "A quick guess would be @. A careful calculation shows that the answer is ~.",
    "The answer is @? No, the answer is ~.",
]
