"""`numpy.fft`, for type checkers that are to know what its functions make of tensors."""

from numpy.fft import fftfreq as fftfreq
from numpy.fft import rfftfreq as rfftfreq

from autograd_mini.typed import Function

fft: Function
fft2: Function
fftn: Function
fftshift: Function
hfft: Function
ifft: Function
ifft2: Function
ifftn: Function
ifftshift: Function
ihfft: Function
irfft: Function
irfft2: Function
irfftn: Function
rfft: Function
rfft2: Function
rfftn: Function
