"""Learning: credit, objectives, packing, the learner and the one loop. Pure functions and small classes."""
