"""What an objective says of itself."""

from rankkit.objectives.marks import marked


def test_a_marked_function_stays_itself_and_has_the_marks():
    def loss(scores):
        return scores

    assert marked(takes="pairs", distance="dot")(loss) is loss
    assert (loss.takes, loss.distance) == ("pairs", "dot")
