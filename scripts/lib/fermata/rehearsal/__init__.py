"""Play a whole run with the real client and a scripted model, without spending a token.

`messages` is the wire format, `model` the loopback server, `script` what the model says, `client` the
program under test, `terminal` its screen and keyboard. Nothing here is imported by a hook or by a run.
"""
