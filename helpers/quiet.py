"""A first TensorFlow import that leaves no log lines in a notebook."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def file_descriptor_2_to(file):
    """Send what native libraries write to standard error into `file` while the block runs."""
    sys.stderr.flush()
    saved = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def start_tensorflow():
    """Import TensorFlow and run one operation, keeping its start-up lines out of the notebook.

    TensorFlow writes them from C++ straight to file descriptor 2, before any Python setting can stop them. If the
    import fails, they come back with the error.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever another project left in ~/.keras
    with tempfile.TemporaryFile(mode="w+", errors="replace") as log:
        try:
            with file_descriptor_2_to(log):
                import tensorflow as tf

                tf.constant(0.0) + 1.0
        except Exception as error:
            log.seek(0)
            raise ImportError(
                f"TensorFlow does not start: {error}. Install it as the README says ('Install').\n{log.read()}"
            ) from error
