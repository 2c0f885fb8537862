"""RankLib's RankNet, loaded from its text form and run neuron by neuron in float64, as RankLib does."""

import math


class Neuron:
    def __init__(self):
        self.output = 0.0
        self.into = []  # [source, weight]
        self.out = []


class RankNet:
    def __init__(self, text):
        lines = [line.strip() for line in text.split("\n")]
        assert lines[0] == "## RankNet"
        lines = [line for line in lines if line and not line.startswith("##")]
        self.features = [int(word) for word in lines[0].split(" ")]
        n_hidden = int(lines[1])
        widths = [len(self.features) + 1, *(int(line) for line in lines[2 : 2 + n_hidden]), 1]
        self.layers = [[Neuron() for _ in range(width)] for width in widths]
        self.wire()
        weights = lines[2 + n_hidden :]
        assert len(weights) == sum(widths[:-1])
        for line in weights:
            layer, neuron, *rest = line.split(" ")
            links = self.layers[int(layer)][int(neuron)].out
            assert len(rest) == len(links)
            for link, weight in zip(links, rest, strict=True):
                link[1] = float(weight)

    def wire(self):
        *inputs, bias = self.layers[0]
        for source in inputs:
            for target in self.layers[1]:
                connect(source, target)
        for number in range(1, len(self.layers) - 1):
            for source in self.layers[number]:
                for target in self.layers[number + 1]:
                    connect(source, target)
        for layer in self.layers[1:]:
            for target in layer:
                connect(bias, target)

    def eval(self, values):
        """The output for feature values, the first of which RankLib calls feature 1."""
        for neuron, feature in zip(self.layers[0], self.features, strict=False):
            value = float(values[feature - 1])
            neuron.output = 0.0 if math.isnan(value) else value
        self.layers[0][-1].output = 1.0
        for layer in self.layers[1:]:
            for neuron in layer:
                total = 0.0
                for source, weight in neuron.into:
                    total += source.output * weight
                neuron.output = 1 / (1 + exp(-total))
        return self.layers[-1][0].output


def exp(x):
    """Java's, which gives infinity where Python raises."""
    return math.exp(x) if x < 709 else math.inf


def connect(source, target):
    # One link seen from both ends: the source knows its weight by position, the target by its source.
    link = [source, 0.0]
    source.out.append(link)
    target.into.append(link)
