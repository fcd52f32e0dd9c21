"""What would help a model, tried before it is advised: changes of `nn.changes` race on copies of it.

`candidates` has the table of changes, `search` finds what depends on the loss, `trials` trains one copy, `race` lets
them compete, `tried` and `section` show what came out. No model is changed here but for copies.
"""
