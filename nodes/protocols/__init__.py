"""What the parties say and the rules they follow: pure, no network, clock, randomness or storage.

`message.py` says how a message is declared, `guard.py` how a rule is named that can be switched
off for a demonstration, `errors.py` what can go wrong between two parties. Each paper has one
package; `messages.py` inside it is the paper's figure as a table of contents.
"""
