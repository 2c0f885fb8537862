"""Rows of the pointwise objectives."""

from rankkit.objectives.descriptions.row import ObjectiveRow

POINTWISE: dict[str, ObjectiveRow] = {
    "bce": ObjectiveRow(
        family="pointwise",
        paper="Cox, JRSS B 1958",
        formula="mean_i log(1 + exp(s_i)) - t_i s_i, t_i = [y_i >= 1] or y_i / max_label",
        range=">= 0",
        needs="binary",
        cost="n",
        use_when="Scores must be read as probabilities, as for clicks.",
    ),
    "hinge": ObjectiveRow(
        family="pointwise",
        paper="Cortes and Vapnik, Machine Learning 1995",
        formula="mean_i max(0, 1 - t_i s_i), t_i = +1 if y_i >= 1 else -1",
        range=">= 0",
        needs="binary",
        cost="n",
        use_when="Relevant and other documents shall lie on two sides of a margin.",
    ),
    "mse": ObjectiveRow(
        family="pointwise",
        paper="Cossock and Zhang, COLT 2006",
        formula="mean_i (y_i - s_i)^2",
        range=">= 0",
        needs="graded or any number",
        cost="n",
        use_when="Scores must predict the label itself: a grade, a rating, a price.",
    ),
    "cross_entropy": ObjectiveRow(
        family="pointwise",
        paper="Li, Burges, Wu, NIPS 2007",
        formula="mean_i -log softmax_k(s_i)[y_i], K outputs a document",
        range=">= 0",
        needs="graded, whole 0..K-1",
        cost="n K",
        use_when="The chance of each grade is wanted.",
    ),
    "focal_bce": ObjectiveRow(
        family="pointwise",
        paper="Lin et al., ICCV 2017",
        formula="mean_i -alpha_i (1 - p_i)^gamma log p_i, p_i the probability of the true side",
        range=">= 0",
        needs="binary",
        cost="n",
        use_when="Relevant documents are very rare and easy ones drown the rest.",
    ),
    "rmse": ObjectiveRow(
        family="pointwise",
        paper="Cossock and Zhang, COLT 2006",
        formula="sqrt(mean_i (y_i - s_i)^2)",
        range=">= 0",
        needs="graded or any number",
        cost="n",
        use_when="As mse, where lists with large errors shall not pull harder.",
    ),
    "ordinal": ObjectiveRow(
        family="pointwise",
        paper="Niu et al., CVPR 2016; Cao et al., PRL 2020",
        formula="mean_i sum_k log(1 + exp(s_ik)) - [y_i >= k] s_ik, one output for each grade above 0",
        range=">= 0",
        needs="graded, whole 0..K",
        cost="n K",
        use_when="The chance of each grade or better is wanted; tied_outputs=True makes it CORAL.",
    ),
}
