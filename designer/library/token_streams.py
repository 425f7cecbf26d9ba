"""Transformer blocks of published families to insert: two streams, one stream, sets, layers of an hourglass."""

from designer.library import Composite
from designer.presets.flux import single_block
from designer.presets.hdit import attention_branch, feed_forward_branch, layer
from designer.presets.mmdit_blocks import MLP_BRANCH, image_attention, joint_attention, joint_block
from designer.presets.point_set import SET_ATTENTION, SET_BLOCK, set_mlp

_BLOCKS = "Transformer blocks"

COMPOSITES = (
    Composite("JointAttention", "Attention", "Joint attention of image and text", "13.3", joint_attention()),
    Composite("LastJointAttention", "Attention", "Joint attention, image goes on", "13.3", joint_attention(last=True)),
    Composite("ImageAttention", "Attention", "Second attention of the image", "13.3", image_attention()),
    Composite("MlpBranch", _BLOCKS, "Feed-forward branch of a stream", "11.2, 12.2", MLP_BRANCH),
    Composite("JointBlock", _BLOCKS, "MMDiT block", "13.3", joint_block()),
    Composite("DualJointBlock", _BLOCKS, "MMDiT-X block, dual attention", "13.3", joint_block(dual=True)),
    Composite("LastJointBlock", _BLOCKS, "Last MMDiT block", "13.3", joint_block(last=True)),
    Composite("SingleBlock", _BLOCKS, "Single-stream block", "12.3, 13.3", single_block()),
    Composite("SetAttention", "Attention", "Attention of a set", "2.5.2", SET_ATTENTION),
    Composite("SetMlp", _BLOCKS, "Perceptron of a set", "2.5.2", set_mlp("tokens", "B N hidden_size")),
    Composite("SetBlock", _BLOCKS, "Block of a set, free of order", "2.5.2", SET_BLOCK),
    Composite("AttentionBranch", _BLOCKS, "Attention branch of an hourglass", "2.4.3, 12.1", attention_branch()),
    Composite("FeedForwardBranch", _BLOCKS, "Gated branch of an hourglass", "2.4.3, 12.2", feed_forward_branch()),
    Composite("HourglassLayer", _BLOCKS, "Layer of an hourglass", "2.4.3", layer()),
)  # fmt: skip
