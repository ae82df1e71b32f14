"""Turning whatever a learner hands in into something that can be compared, or into a sentence that helps her.

Every function here either returns a clean value or raises `Wrong` with a sentence that quotes what was given.
"""

import copy
import ctypes
import inspect
import threading

import numpy as np

SECONDS = 5.0  # how long a learner's function may take for one call


class Wrong(Exception):
    """An incorrect answer; the text is what the learner reads."""


class NotAttempted(Exception):
    """The answer is still the `...` of the exercise."""


def untouched(answer):
    """True for `...` itself and for a function whose body is nothing else."""
    if answer is Ellipsis:
        return True
    if not inspect.isfunction(answer):
        return False
    stub = _stub_with_text if answer.__doc__ else _stub
    only_text = set(answer.__code__.co_consts) <= {None, answer.__doc__}
    return only_text and answer.__code__.co_code == stub.__code__.co_code


def _stub(): ...


def _stub_with_text():
    """A body of nothing but text compiles to other bytes than an empty one."""
    ...


def describe(value):
    """Quote a value in a sentence: its repr if that is short, else its type, shape and dtype."""
    try:
        if isinstance(value, np.ndarray) and value.ndim:
            return f"an array of shape {value.shape} and dtype {value.dtype}"
        if inspect.isfunction(value):
            return f"the function `{value.__name__}`"
        if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
            value = value.item()
        text = repr(value)
    except Exception:
        return f"an object of type `{type(value).__name__}`"
    return f"`{text}`" if len(text) <= 60 else f"a `{type(value).__name__}` that starts `{text[:40]}…`"


def as_number(value, what="Your answer", returned=True):
    """Return `value` as a float; `what` names it in the sentence otherwise.

    `returned` tells whether a function of hers gave it; a plain variable has no `return` to forget.
    """
    if value is None:
        raise Wrong(f"{what} is `None`. {_why_none(returned, 'a number')}")
    if isinstance(value, str | bytes):
        raise Wrong(f"{what} is the text {describe(value)}. Give the number without quotes.")
    if isinstance(value, bool | np.bool_):
        raise Wrong(f"{what} is {describe(value)}. The question asks for a number.")
    if isinstance(value, tuple | list) or np.ndim(_array(value, what)):
        raise Wrong(f"{what} is {describe(value)}. The question asks for one single number.")
    try:
        complex_number = np.iscomplexobj(value)
        number = 0.0 if complex_number else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Wrong(f"{what} is {describe(value)}, which is no number to compare with.") from error
    if complex_number:
        raise Wrong(f"{what} is {describe(value)}, a complex number. The question asks for a plain one.")
    if not np.isfinite(number):
        advice = "Look for a division by zero or a value that was never set." if returned else "Give a finite number."
        raise Wrong(f"{what} is `{number}`. {advice}")
    return number


def _why_none(returned, wanted):
    return "Does the function end with `return`?" if returned else f"Give {wanted} instead."


def as_whole_number(value, what="Your answer"):
    """Return `value` as an int; 13.0 counts as 13, 13.5 is refused."""
    number = as_number(value, what)
    if number != int(number):
        raise Wrong(f"{what} is `{number:g}`, which is no whole number.")
    return int(number)


def as_array(value, shape=None, what="Your answer", returned=True):
    """Return `value` as a float array, of `shape` if one is given; a nested list counts as an array.

    `returned` as in `as_number`.
    """
    if value is None:
        raise Wrong(f"{what} is `None`. {_why_none(returned, 'an array of numbers')}")
    array = _array(value, what)
    if array.dtype.kind not in "biuf":
        raise Wrong(f"{what} is {describe(value)}. The question asks for an array of numbers.")
    if shape is not None and array.shape != tuple(shape):
        raise Wrong(f"{what} has the shape {array.shape}; it should be {tuple(shape)}.")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise Wrong(f"{what} holds {bad} of {array.size} values that are not finite numbers (`nan` or `inf`).")
    return array.astype(float)


def _array(value, what):
    try:
        return np.asarray(value)
    except Exception as error:
        raise Wrong(f"{what} is {describe(value)}. Rows of different lengths do not make an array.") from error


def close(ours, theirs, tolerance=1e-6):
    """True if all values agree to `tolerance`, relative to the largest one (and absolute below 1)."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    scale = max(1.0, float(np.max(np.abs(ours), initial=0.0)))
    return ours.shape == theirs.shape and bool(np.max(np.abs(ours - theirs), initial=0.0) <= tolerance * scale)


def as_function(value, *arguments):
    """Return `value` if it can be called with `arguments`."""
    if not callable(value):
        raise Wrong(f"You hand in {describe(value)}. The check needs the function itself: its name, without brackets.")
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return value  # some built-in functions do not tell; calling will
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise Wrong(
            f"Your function takes {signature}, but the check calls it with {len(arguments)} values. "
            "Keep the first line of the function as it was."
        ) from error
    return value


def call(function, *arguments):
    """Call the learner's function on copies of `arguments` and return what it gives.

    It runs in a thread of its own, so that a loop without end costs SECONDS and not the session.
    """
    as_function(function, *arguments)
    outcome = {}

    def run():
        try:
            outcome["value"] = function(*copy.deepcopy(arguments))
        except BaseException as error:  # also exit() and the interrupt sent below
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        # The only portable way to end a running Python function: raise an exception inside its thread.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        thread.join(1.0)
        raise Wrong(f"Your function was still running after {SECONDS:g} seconds. Does its loop ever end?")
    if "error" in outcome:
        error = outcome["error"]
        given = ", ".join(map(describe, arguments))
        start = f"With {given}, your" if arguments else "Your"
        raise Wrong(f"{start} function stops with `{type(error).__name__}: {first_line(error)}`.")
    return outcome["value"]


def first_line(error):
    """The first line of an exception's message, cut to 120 characters; empty if it has none or cannot say."""
    try:
        lines = str(error).splitlines()
    except Exception:
        lines = []
    return lines[0][:120] if lines else ""
