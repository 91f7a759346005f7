"""A program that stands in for the Claude Code client where none is installed.

It takes the client's arguments, asks the same scripted model over the same wire, draws on the same screen and starts the
shipped hooks as hooks.json says, so that a rehearsal cannot tell the two apart. It shows what fermata does; what the real
client does with it, only the real client shows. `payloads` has the shapes, `hooks` starts them, `tools` does the work of a
call, `thread` is one conversation, `session` the main thread and its agents, `screen` the person's side.
"""
