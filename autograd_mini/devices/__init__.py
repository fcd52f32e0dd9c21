"""Devices: where arrays are, by name, and how they come from one to another. No rule, no graph and no layer lives here.

PyTorch is imported when a device of its is first asked for.
"""

from autograd_mini.arrays import beside
from autograd_mini.devices.names import device_of, same_device, to_device, to_host

__all__ = ["beside", "device_of", "same_device", "to_device", "to_host"]
