"""What is measured. Importing this package starts TensorFlow without its log lines."""

from helpers import quiet

quiet.start_tensorflow()
