"""Answers that are explained afterwards, and answers that are taken back: the first pass, the others do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks._retractions import taken_back
from ownwords.checks.answer import final_answer
from ownwords.checks.base import NotHereError
from ownwords.records import Candidate, Example, Message, Verdict

EXPLAINED = [
    ("12", "The answer is 12. So the friends wait 12 minutes for 3 buses."),
    ("18", "#### 18\n\nThat should be enough for 7 days."),
    ("18", "The answer is 18. Actually, this is the same as 9 times 2."),
    ("18", "The answer is 18. Actually, 9 of them are red and 9 are blue."),
    ("18", "The answer is 18. No one has to wait longer than 5 minutes."),
    ("18", "The answer is 18. No more than 4 of them fit into a box."),
    ("18", "The answer is 18. It should be noted that 3 of them were given away before."),
    ("18", "The answer is 18. There should be 2 left for each of the 9 children."),
    ("18", "The answer is 18. So each of the 6 children gets 3."),
    ("18", "The answer is 18. Each box should be filled with 6 eggs."),
    ("18", "The answer is 18, so she should be able to pay for 2 tickets."),
    ("18", "The answer is 18. The eggs could also be packed in 3 boxes of 6."),
    ("18", "\\boxed{18}\n\nThe bus could also be replaced by 2 vans, but that changes nothing."),
    ("18", "**Answer:** 18 apples. Wait times are not included, since there are only 2 stops."),
    ("18", "The answer is 18. If she had to wait for 3 more days, it would be 21."),
    ("18", "The answer is 18. A common mistake is to forget the 2 puppies and answer 16."),
    ("18", "The answer is 18. Some people say 20, but that is wrong."),
    ("18", "The answer is 18. I made a table with 3 rows and 6 columns to check it."),
    ("18", "The answer is 18. Sorry for the long explanation, it took 5 steps!"),
    ("18", "The answer is 18. Note that 20 would be wrong because 2 were sold."),
    ("18", "The answer is 18. Let me double-check: 9 + 9 = 18. Yes, that is right."),
    ("18", "The answer is 18. Wait, let me verify: 20 - 2 = 18. Correct."),
    ("18", "The answer is 18. Wait, is that right? 3 times 6 is 18, so yes."),
    ("18", "The answer is 18.\n\nHere is how: 3 boxes hold 6 eggs each, and 3 * 6 = 18."),
    ("18", "The answer is 18 (not 20, since 2 are broken)."),
    ("18", "The answer is 18. You actually only need 2 steps for this."),
    ("18", "The answer is 18. Actually, you can also get there by adding 10 and 8."),
    ("18", "The answer is 18. Hold on to the receipt for 14 days."),
    ("18", "The answer is 18 dollars. On second thought about the tip: 2 dollars are already included."),
    ("18", "The answer is 18. To make that clearer: 2 groups have 9 members."),
    ("18", "The answer is 18. That makes 3 per child, or 6 per family."),
    ("18", "The answer is 18. Correction fluid costs 4 dollars, which is why we subtract it."),
    ("18", "The answer is 18. No, we do not count the 2 cats."),
    ("18", "The answer is 18. That's it! You should be proud: that was problem 7 of 10."),
    ("18", "The answer is 18, or rather 18 apples, as the 2 pears do not count."),
    ("1/2", "The answer is 1/2. It should also be clear that this is 50 percent."),
    ("B", "The answer is B. Actually, A is wrong because it is too cold there."),
    ("B", "The answer is B. Wait to see what C says: it is about frogs."),
    ("B", "The answer is B. No other choice, not even D, explains it."),
    ("Paris", "The answer is Paris. It should be easy to find on a map."),
    ("Paris", "The answer is Paris. No, you do not need a visa."),
    ("True", "The answer is True, because otherwise it would be False."),
    ("True", "The answer is True, not False."),
    ("yes", "The answer is yes, no doubt about it."),
    ("$x + 1$", "The answer is $x + 1$. It should be noted that $x > 3$."),
    ("18", "The answer is 18. Now, if it were Tuesday, it would be 20."),
    ("18", "The answer is 18. Wait a minute before you write it down: 2 + 16 = 18."),
    ("18", "The answer is 18. Actually quite simple once you see the 3 groups."),
    ("18", "The answer is 18. Actually, there are 2 ways to solve this."),
    ("18", "The answer is 18. Actually, we only needed 2 of the 4 facts."),
    ("18", "The answer is 18. Note that it should be at least 10 and at most 20."),
    ("18", "The answer is 18. As a check, it should be divisible by 9."),
    ("18", "The answer is 18. It should be less than 20, and it is."),
    ("18", "The answer is 18. There could also be 2 more in the shed, but we were not told."),
    ("18", "The answer is 18. So 18 cookies are left, which is 6 per child."),
    ("18", "The answer is 18. So it takes 2 days more than before."),
    ("18", "The answer is 18. I mean this only for the first 2 weeks."),
    ("18", "The answer is 18. Make it a habit to check with 2 methods."),
    ("18", "The answer is 18. Sorry if that was confusing; step 3 is tricky."),
    ("18", "The answer is 18. Be careful not to make the mistake of adding the 2 twice."),
    ("18", "The answer is 18. It's not 20, since 2 of them broke."),
    ("18", "The answer is 18. No, really! Try it with 3 boxes of 6."),
    ("18", "The answer is 18. No need to add the 2 spares."),
    ("18", "The answer is 18. Isn't that more than 15? Yes, by 3."),
    ("18", "The answer is 18. Hmm, let me check with 6 * 3 = 18. Good."),
    ("18", "The answer is 18.\n\nWait, why do we subtract 2? Because they broke."),
    ("18", "The answer is 18. Oh, and the other 2 are green."),
    ("18", "The answer is 18. On reflection, this took only 2 steps."),
    ("18", "The answer is 18. Update: none of the 3 hints were needed."),
    ("18", "The answer is 18. This is 2 more than last year, when it was 16."),
    ("18", "The answer is 18. That's exactly 1.5 dozen."),
    ("18", "The answer is 18. Actually, that's exactly 1.5 dozen."),
    ("18", "The answer is 18. Actually, it is 2 less than 20."),
    ("18", "The answer is 18. It is wrong to add 2 here."),
    ("18", "The answer is 18. I forgot to mention that the 2 eggs are eaten first."),
    ("B", "The answer is B. Actually, D would also be harmful, but less so."),
    ("B", "The answer is B. I made a comparison of A and C too."),
    ("blue", "The answer is blue. It should be noted that red comes next."),
    ("Paris", "The answer is Paris. Actually, Lyon is only the third largest city."),
    ("Paris", "The answer is Paris. Wait, there is more: it lies on the Seine."),
    ("42", "The answer is 42. Notice that 42 is 6 times 7."),
    ("42", "#### 42\n\nActually, you could have skipped step 2."),
    ("42", "The answer is 42. Wait for part 2 of this series!"),
    ("42", "The answer is 42 km. No detour of 5 km is needed."),
    ("42", "The answer is 42. It should take her 6 days at 7 pages a day."),
    ("42", "The answer is 42. This should be obvious from step 1."),
    ("42", "\\boxed{42}. So Tom has 42 marbles and Anna has 21."),
    ("42", "The answer is 42. Therefore, each of the 7 days has 6 hours of work."),
    ("42", "The answer is 42. Thus the ratio is 3 to 1."),
    ("42", "The answer is 42. Just to be sure: 50 - 8 = 42."),
    ("42", "The answer is 42. Actually, let me explain why we subtracted 8: they were sold."),
    ("42", "The answer is 42. Careful: it is not 50, because 8 were sold."),
    ("42", "The answer is 42. Does it make sense? It is a bit less than 50."),
    ("42", "The answer is 42. No tricks here, just 6 rows of 7."),
    ("42", "The answer is 42. Rather neat: 4 and 2 make 6."),
    ("42", "**Final answer: 42**\n\nIf the price had been 3 dollars, it would be 63."),
    ("42", "The answer is 42. I was surprised that it took only 3 steps."),
    ("42", "The answer is 42, which should be rounded to 40 if you only need an estimate."),
    ("C", "The answer is C. It should be clear that A and B are out."),
    ("C", "The answer is C. Actually, B describes something else."),
    ("false", "The answer is false. No counterexample is needed."),
]
TAKEN_BACK = [
    ("18", "I think the answer is 18. No, 20."),
    ("18", "The answer is 18. No 20."),
    ("18", "The answer is 18, no, 20."),
    ("18", "The answer is 18. No, it's 20."),
    ("18", "The answer is 18. Wait, 20."),
    ("18", "The answer is 18... wait, no, 20 apples."),
    ("18", "The answer is 18. Actually, it is 20."),
    ("18", "The answer is 18. Actually, the total should be 20."),
    ("18", "The answer is 18 - no, make that 20."),
    ("18", "The answer is 18, I mean 20."),
    ("18", "The answer is 18. Sorry, I meant 20."),
    ("18", "The answer is 18. Oops, 20!"),
    ("18", "The answer is 18. Hmm, no. It is 20."),
    ("18", "The answer is 18. Hold on, I forgot the puppies. That makes 20."),
    ("18", "The answer is 18. I made a small mistake above: there are 20."),
    ("18", "The answer is 18. I was wrong, 20 is correct."),
    ("18", "#### 18\n\nCorrection: 20"),
    ("18", "#### 18\n\nEdit: it should be 20."),
    ("18", "\\boxed{18}. Scratch that, 20."),
    ("18", "The final answer is $\\boxed{18}$. On second thought, it should have been $20$."),
    ("18", "**Answer: 18**\n\nWait. The last box is empty. So it is 20."),
    ("18", "The answer is 18. That is incorrect, we have to add 2. We get 20."),
    ("18", "The answer is 18. But that ignores the last two, so it is 20."),
    ("18", "The answer is 18. My mistake, 20."),
    ("18", "The answer is 18. Let me correct that: 20 apples."),
    ("18", "The answer is 18. I take that back, it's 20."),
    ("18", "The answer is 18, but it could also be 20."),
    ("18", "The answer is 18. It should really be 20."),
    ("18", "The answer is 18 (no, 20)."),
    ("18", "The answer is 18. No wait, that's not right."),
    ("18", "Answer: 18. Actually 20, because of the puppies."),
    ("18", "The answer is $18. No, $20."),
    ("18", "The answer is 18. Wait, I think I misread the question. There are **20** apples."),
    ("3 hours and 20 minutes", "The answer is 3 hours and 20 minutes. No, 3 hours and 40 minutes."),
    ("B", "The answer is B. No, C."),
    ("B", "The answer is (B). Wait, it is (C)."),
    ("B", "The answer is B. Actually, option C is correct."),
    ("Paris", "The answer is Paris. No, London."),
    ("Paris", "The answer is Paris. It should be London."),
    ("blue", "The answer is blue. Wait, no, green."),
    ("True", "The answer is True, False"),
    ("True", "The answer is True. No, False."),
    ("True", "The answer is True, or maybe False."),
    ("yes", "The answer is yes. Actually, no."),
    ("yes", "The answer is yes, no."),
    ("$x + 1$", "The answer is $x + 1$. No, $x + 2$."),
    ("$x + 1$", "The answer is $x + 1$. It should be $x + 2$."),
    ("18", "The answer is 18. Nope, 20."),
    ("18", "The answer is 18. No - 20."),
    ("18", "The answer is 18. Ah, no, it must be 20."),
    ("18", "The answer is 18. Wait, actually it's 20."),
    ("18", "The answer is 18. Wait no, 20."),
    ("18", "The answer is 18, oh wait, 20."),
    ("18", "The answer is 18, sorry, 20."),
    ("18", "The answer is 18; actually, 20."),
    ("18", "The answer is 18, or actually 20."),
    ("18", "The answer is 18. Actually, I think it's 20."),
    ("18", "The answer is 18. Actually, scratch that. It's 20."),
    ("18", "The answer is 18. Hmm, that's not right. 20 - 0 = 20."),
    ("18", "The answer is 18. Oops! I added wrong. It's 20."),
    ("18", "The answer is 18. Let me recount. 20."),
    ("18", "The answer is 18. Rechecking my work, I get 20."),
    ("18", "The answer is 18. However, it should be 20."),
    ("18", "The answer is 18. In fact, it should be 20 apples."),
    ("18", "The answer is 18. No, that can't be right; it's 20."),
    ("18", "The answer is 18. Not 18, 20."),
    ("18", "The answer is 18. Wait, there are 20 of them."),
    ("18", "\\boxed{18}\n\nActually, 20."),
    ("18", "#### 18\nno, 20"),
    ("18", "#### 18\n\nWait: 2 more arrive. So there are 20."),
    ("18", "The answer is 18. I apologize, it should be 20."),
    ("18", "The answer is 18. I need to correct myself: it is 20."),
    ("18", "The answer is 18. Actually, no."),
    ("18", "The answer is 18. But wait! That's only the first half. The total is 20."),
    ("18", "The answer is 18. On second thought, 20."),
    ("18", "The answer is 18. Correction, 20."),
    ("B", "The answer is B. Hmm, actually it's C."),
    ("B", "The answer is B. Scratch that, C."),
    ("B", "The answer is B. Oops, I meant C."),
    ("Paris", "The answer is Paris. Sorry, I meant London."),
    ("Paris", "The answer is Paris, no, London."),
    ("Paris", "The answer is Paris. Actually, it's London."),
    ("42", "The answer is 42. No, sorry: 36."),
    ("42", "The answer is 42, hmm, actually 36."),
    ("42", "The answer is 42. Wait, that includes Sunday. Without it, the answer is 36."),
    ("42", "The answer is 42. Oh no, I added instead of subtracting. It should be 36."),
    ("42", "\\boxed{42}\n\nHmm, that doesn't look right. I get 36."),
    ("42", "The answer is 42. Correction: the answer should be 36."),
    ("42", "#### 42\n\nOops, wrong: 36"),
    ("42", "The answer is 42. That was wrong. It's 36."),
    ("42", "The answer is 42. No no no, 36!"),
    ("42", "The answer is 42. Actually I'd say 36."),
    ("42", "The answer is 42. Let me fix that. It is 36 marbles."),
    ("42", "The answer is 42. Ignore that, it's 36."),
    ("42", "The answer is 42. I retract that; 36."),
    ("42", "The answer is 42 (or rather 36)."),
    ("42", "The answer is 42. To correct myself, 36."),
    ("42", "The answer is 42. Well, actually, 36 marbles are left."),
    ("C", "The answer is C. No, D."),
    ("C", "The answer is C. Wait, D is correct."),
    ("false", "The answer is false. Wait, no, true."),
    ("Rome", "The answer is Rome. I mean Milan."),
]


def judge(reference: str, candidate: str) -> Verdict:
    """The check's verdict; `needs_worker` where it takes algebra."""
    try:
        return final_answer(Example("id", (Message("user", "?"),), reference), Candidate(candidate))
    except NotHereError:
        return Verdict(False, "needs_worker")


@pytest.mark.parametrize(("reference", "candidate"), EXPLAINED)
def test_an_answer_that_is_explained_afterwards_passes(reference: str, candidate: str) -> None:
    assert judge(reference, candidate).reason == "ok"


@pytest.mark.parametrize(("reference", "candidate"), TAKEN_BACK)
def test_an_answer_that_is_taken_back_fails(reference: str, candidate: str) -> None:
    assert not judge(reference, candidate).passed


REPLACED = [(text, "20" if reference == "18" else "36") for reference, text in TAKEN_BACK if reference in ("18", "42")]


@pytest.mark.parametrize(("candidate", "number"), REPLACED)
def test_the_answer_that_replaces_it_passes(candidate: str, number: str) -> None:
    if number in candidate and "could also" not in candidate:
        assert judge(number, candidate).reason == "ok"


PIECES = [
    "18",
    "20",
    ". ",
    ", ",
    "No",
    "Wait",
    " actually",
    " it should be ",
    " it is ",
    "So ",
    "(",
    "\n",
    "**",
    "$",
    "B",
]
PIECES += ["I made a mistake", "that is wrong", " – ", "...", "True", "\\frac{1}{2}", "\udcff", "٣", " of ", "x + 1"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.sampled_from(["18", "B", "True"]))
def test_whatever_follows_an_answer_gets_a_verdict(after: str, value: str) -> None:
    taken_back(after, 0, value)
    verdict = judge(value, f"The answer is {value}. {after}")
    assert verdict.reason in ("ok", "wrong_answer", "no_answer", "needs_worker")
