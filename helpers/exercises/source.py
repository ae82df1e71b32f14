"""The solution marker: one text holds the exercise and its solution, and this module takes them apart.

Two forms, in a cell tagged `exercise`:

    def output_size(size, kernel):         the rest of the function's body after the marker is the solution;
        # solution                         the learner sees `...` in its place
        return size - kernel + 1

    padding = 1  # solution                the value is the solution; the learner sees `padding = ...`
"""

import re
from pathlib import Path

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
BLOCK = re.compile(r"^(?P<indent> +)# solution$")
LINE = re.compile(r"^(?P<name>\w+) = (?P<value>.+?)  # solution$")


def has_marker(code):
    """True if any line of `code` ends with the solution marker, in whatever form."""
    return any(line.rstrip().endswith("# solution") for line in code.splitlines())


def exercise_from(code):
    """Return the learner's edition of a worked exercise cell: what the marker covers becomes `...`."""
    return _transform(code, block=lambda indent, body: [indent + "..."], line=lambda name, value: f"{name} = ...")


def solution_from(code):
    """Return the worked edition of an exercise cell, without the markers."""
    return _transform(code, block=lambda indent, body: body, line=lambda name, value: f"{name} = {value}")


def _transform(code, block, line):
    out = []
    lines = iter([*code.splitlines(), None])
    current = next(lines)
    while current is not None:
        if match := BLOCK.match(current):
            indent, body = match["indent"], []
            current = next(lines)
            while current is not None and (current.startswith(indent) or not current.strip()):
                body.append(current)
                current = next(lines)
            blank = []
            while body and not body[-1].strip():  # blank lines between the function and what follows stay
                blank.append(body.pop())
            out += block(indent, body) + blank
            continue
        match = LINE.match(current)
        if not match and has_marker(current):
            raise ValueError(f"The marker in {current.strip()!r} stands in neither of the two forms: rewrite the line.")
        out.append(line(match["name"], match["value"]) if match else current)
        current = next(lines)
    return "\n".join(out)


def find_solution(lesson, problem):
    """Return the worked code of exercise `problem` ("q3") from the text of lesson number `lesson` ("01")."""
    call = f"{problem}.check("
    for path in sorted(LESSONS.glob(f"{lesson}_*.py")):
        for cell in path.read_text(encoding="utf-8").split("\n# %%"):
            head, _, code = cell.partition("\n")
            if '"exercise"' in head and call in code:
                worked = solution_from(code).splitlines()
                return "\n".join(line for line in worked if not line.startswith(call)).strip()
    raise LookupError(f"Lesson {lesson} has no exercise cell that calls {call}…).")
