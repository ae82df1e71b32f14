"""Exercises that say at once whether an answer is right and, if not, which idea is off.

A `Problem` joins three things that are kept apart: what the exercise asks (one function per exercise in lesson_NN.py),
how answers are compared (compare.py), and how the verdict looks (display.py).
"""

from dataclasses import dataclass

from IPython.display import display as put_on_page

from helpers.exercises import display, source
from helpers.exercises.compare import NotAttempted, Wrong, describe, untouched

CORRECT, INCORRECT, NOT_ATTEMPTED = "correct", "incorrect", "not attempted"


@dataclass(frozen=True)
class Outcome:
    """The verdict on one answer: `status` is one of the three names above, `message` one or two sentences."""

    status: str
    message: str


class Problem:
    """One checked exercise.

    Parameters
    ----------
    lesson, name : str
        "01" and "q3": where the solution stands in lessons/.
    examine : function
        Takes the answer; returns if it is right, raises `Wrong` with a sentence that quotes the answer if it is not.
    praise : str
        What a right answer is told: the idea, in other words.
    hints : list of str
        From a nudge to nearly the answer.
    """

    def __init__(self, lesson, name, examine, praise, hints):
        self.lesson, self.name, self.examine, self.praise, self.hints = lesson, name, examine, praise, hints
        self.hints_shown = 0

    def judge(self, *answers):
        """Return the `Outcome` for an answer (or several). Never raises, whatever the answer is."""
        try:
            if any(untouched(answer) for answer in answers):
                raise NotAttempted
            self.examine(*answers)
        except NotAttempted:
            return Outcome(NOT_ATTEMPTED, "Replace the `...` above, then run this cell again.")
        except Wrong as wrong:
            return Outcome(INCORRECT, str(wrong))
        except (
            Exception,
            SystemExit,
        ) as error:  # an object so odd that the comparison itself failed: still a sentence, no traceback
            given = ", ".join(map(describe, answers)) or "nothing"
            return Outcome(INCORRECT, f"This check can make nothing of {given} ({type(error).__name__}).")
        return Outcome(CORRECT, self.praise)

    def check(self, *answers):
        """Judge the answer and show the verdict below the cell."""
        put_on_page(display.verdict(self.judge(*answers)))

    def hint(self):
        """Show the next hint; after the last one, the last one again."""
        if not self.hints:
            put_on_page(display.note("No hint here.", "Read the check's answer again, or look at the solution."))
            return
        self.hints_shown = min(self.hints_shown + 1, len(self.hints))
        head = f"Hint {self.hints_shown} of {len(self.hints)}."
        put_on_page(display.note(head, self.hints[self.hints_shown - 1]))

    def solution(self):
        """Show one way to solve it. Yours may differ and still be right."""
        put_on_page(display.code("One way to do it:", source.find_solution(self.lesson, self.name)))
