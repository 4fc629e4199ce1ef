"""Lines of Python that load pruned networks, where several files come with the same; kept apart from torch."""

# Of a state dict that holds weight_orig beside weight_mask: makes room for them, and the weight their product.
WITH_MASKS = """for name in state:
    if name.endswith("_mask"):
        module, _, parameter = name.removesuffix("_mask").rpartition(".")
        prune.identity(net.get_submodule(module), parameter)
net.load_state_dict(state)
"""
# Prune's hook makes a weight anew whenever its layer is called.
PRODUCTS = """for module in net.modules():
    for hook in module._forward_pre_hooks.values():
        # Attention reads its last layer's weight without calling that, so the product is made here, once.
        if isinstance(hook, prune.BasePruningMethod):
            hook(module, None)
"""
