"""How good is it? Numbers that stand beside a baseline and a noise floor."""
