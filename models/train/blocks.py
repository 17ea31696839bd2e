"""The few layers that both networks are built of."""

import torch
from torch import nn


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, rectifier."""

    def __init__(self, inputs, outputs, size=3, stride=1):
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut (He et al., 2016)."""

    def __init__(self, channels):
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels, eps=1e-3, momentum=0.03)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(x + self.second(self.first(x)))


def fold_batch_norm(module):
    """The same network for inference: every BatchNorm2d behind a Conv2d is folded into it, in place."""
    for child in module.children():
        fold_batch_norm(child)
    if isinstance(module, nn.Sequential):
        layers = list(module.named_children())
        for (_, conv), (name, norm) in zip(layers, layers[1:]):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                fused = nn.utils.fusion.fuse_conv_bn_eval(conv, norm)
                conv.weight, conv.bias = fused.weight, fused.bias
                setattr(module, name, nn.Identity())
    return module


@torch.no_grad()
def unfold_batch_norm(network, folded, inputs):
    """Undoes `fold_batch_norm`: `network` computes what `folded` (its convolutions' weights and biases by name) does, and can be trained.

    Every BatchNorm2d takes the statistics of `inputs` and the scale that cancels them, so nothing changes at the start.
    """
    state = network.state_dict()
    state.update({name: value for name, value in folded.items() if name in state})
    network.load_state_dict(state)
    hooks = []
    for name, layer in network.named_modules():
        if not isinstance(layer, nn.BatchNorm2d):
            continue
        # The layer before it in the same sequence: `scale2.0.1` is behind `scale2.0.0`.
        parent, _, number = name.rpartition(".")
        bias = folded.get(f"{parent}.{int(number) - 1}.bias")
        if bias is None:
            raise SystemExit(f"the network to start from has no bias of {parent}: another network, or one that was never trained")

        def adopt(layer, given, bias=bias):
            variance, mean = torch.var_mean(given[0].float(), (0, 2, 3), correction=0)
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(variance)
            layer.weight.copy_((variance + layer.eps).sqrt())
            layer.bias.copy_(bias.to(mean) + mean)

        hooks.append(layer.register_forward_pre_hook(adopt))
    network.eval()(inputs)
    for hook in hooks:
        hook.remove()
    return network
