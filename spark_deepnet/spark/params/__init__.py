"""The Params of estimator and model: each is declared once, in one of the tables of this folder."""
