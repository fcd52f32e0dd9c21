"""Data in shards, how they are dealt to parts, sums in one order, and engines that compute them on any workers.

What is computed is not known here: training and optimizers say that. No result depends on how many workers there are.
"""

from nn.cluster.cluster import Cluster as Cluster
from nn.cluster.cluster import as_cluster as as_cluster
from nn.cluster.shards import Shards as Shards
