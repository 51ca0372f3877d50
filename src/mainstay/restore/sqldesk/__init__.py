"""The SQL desk: examine production data safely, correct it with proof, undo it honestly."""
