"""Labelled cases for the check `final_answer`: references, and candidates that do or do not give the same answer.

`case.py` says what a case is, `build.py` makes all of them from the datasets and a seed. The families: `numbers.py`
(word problems), `quantities.py` (decimals, fractions, percent, money), `choices.py` (letters) and `expressions.py`
(intervals, sets, points, roots, polynomials, matrices), all in the phrases of `phrases.py`.
"""
