"""The language server: the only room that knows the protocol. Handlers are thin; what they answer comes from below."""
