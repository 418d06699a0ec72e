"""Other people's libraries, reached from agentrl: each in a file of its own, imported only when it is asked for."""
