"""How fits of four networks speed up with ranks, by rows and by weights: docs/scaling.md."""
