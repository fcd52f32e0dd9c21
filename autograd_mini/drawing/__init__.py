"""Pictures of graphs: `draw`, the picture that it makes of a graph, the colours, and the way to SVG, PNG and PDF.

What is measured comes from `measuring`; what is said of it lives in `signals`.
"""
