"""ONNX's operators, a file for each topic, all of them entered in `OPERATORS`."""

from nn.models.onnx.operators import control as control
from nn.models.onnx.operators import convolution as convolution
from nn.models.onnx.operators import detection as detection
from nn.models.onnx.operators import elementwise as elementwise
from nn.models.onnx.operators import indexing as indexing
from nn.models.onnx.operators import learners as learners
from nn.models.onnx.operators import normalization as normalization
from nn.models.onnx.operators import pooling as pooling
from nn.models.onnx.operators import products as products
from nn.models.onnx.operators import quantization as quantization
from nn.models.onnx.operators import random as random
from nn.models.onnx.operators import recurrent as recurrent
from nn.models.onnx.operators import reductions as reductions
from nn.models.onnx.operators import resizing as resizing
from nn.models.onnx.operators import sequences as sequences
from nn.models.onnx.operators import shapes as shapes
from nn.models.onnx.operators import spectral as spectral
from nn.models.onnx.operators.table import OPERATORS as OPERATORS
