"""Node cases of the package onnx whose operator is read, but not the case: what the refusal says -> the cases."""

from __future__ import annotations

LISTED: dict[str, str] = {
    "counted from a row's end": """
        test_gathernd_example_float32 test_gathernd_example_int32 test_gathernd_example_int32_batch_dim1
    """,
    "has whole numbers": """
        test_add_int16 test_add_int8 test_add_uint16 test_add_uint32 test_add_uint64 test_add_uint8
        test_clip_default_int8_inbounds test_clip_default_int8_max test_clip_default_int8_min test_div_int16
        test_div_int32_trunc test_div_int8 test_div_uint16 test_div_uint32 test_div_uint64 test_div_uint8
        test_edge_pad test_max_int16 test_max_int32 test_max_int64 test_max_int8 test_max_uint16 test_max_uint32
        test_max_uint64 test_max_uint8 test_maxpool_2d_uint8 test_min_int16 test_min_int32 test_min_int64
        test_min_int8 test_min_uint16 test_min_uint32 test_min_uint64 test_min_uint8 test_mul_int16
        test_mul_int8 test_mul_uint16 test_mul_uint32 test_mul_uint64 test_mul_uint8 test_reflect_pad
        test_sub_int16 test_sub_int8 test_sub_uint16 test_sub_uint32 test_sub_uint64 test_sub_uint8
        test_wrap_pad
    """,
    "for a lookup in a table": """
        test_greater_equal test_greater_equal_bcast test_greater_equal_int16 test_greater_equal_int8
        test_greater_equal_uint16 test_greater_equal_uint32 test_greater_equal_uint64 test_greater_equal_uint8
        test_less test_less_bcast test_less_int16 test_less_int8 test_less_uint16 test_less_uint32
        test_less_uint64 test_less_uint8
    """,
    "has no numbers": """
        test_and2d test_and3d test_and4d test_and_bcast3v1d test_and_bcast3v2d test_and_bcast4v2d
        test_and_bcast4v3d test_and_bcast4v4d test_where_example test_where_long_example
        test_cast_FLOAT4E2M1_to_FLOAT test_cast_FLOAT4E2M1_to_FLOAT16 test_cast_FLOAT8E4M3FNUZ_to_FLOAT
        test_cast_FLOAT8E4M3FNUZ_to_FLOAT16 test_cast_FLOAT8E4M3FN_to_FLOAT test_cast_FLOAT8E4M3FN_to_FLOAT16
        test_cast_FLOAT8E5M2FNUZ_to_FLOAT test_cast_FLOAT8E5M2FNUZ_to_FLOAT16 test_cast_FLOAT8E5M2_to_FLOAT
        test_cast_FLOAT8E5M2_to_FLOAT16 test_cast_INT2_to_FLOAT test_cast_INT2_to_FLOAT16 test_cast_INT2_to_INT8
        test_cast_INT4_to_FLOAT test_cast_INT4_to_FLOAT16 test_cast_INT4_to_INT8 test_cast_UINT2_to_FLOAT
        test_cast_UINT2_to_FLOAT16 test_cast_UINT2_to_UINT8 test_cast_UINT4_to_FLOAT test_cast_UINT4_to_FLOAT16
        test_cast_UINT4_to_UINT8 test_cast_e8m0_FLOAT8E8M0_to_FLOAT test_cast_e8m0_FLOAT8E8M0_to_FLOAT16
        test_castlike_FLOAT4E2M1_to_FLOAT16_expanded test_castlike_FLOAT4E2M1_to_FLOAT_expanded
        test_castlike_FLOAT8E4M3FNUZ_to_FLOAT16_expanded test_castlike_FLOAT8E4M3FNUZ_to_FLOAT_expanded
        test_castlike_FLOAT8E4M3FN_to_FLOAT16_expanded test_castlike_FLOAT8E4M3FN_to_FLOAT_expanded
        test_castlike_FLOAT8E5M2FNUZ_to_FLOAT16_expanded test_castlike_FLOAT8E5M2FNUZ_to_FLOAT_expanded
        test_castlike_FLOAT8E5M2_to_FLOAT16_expanded test_castlike_FLOAT8E5M2_to_FLOAT_expanded
        test_castlike_INT2_to_FLOAT16_expanded test_castlike_INT2_to_FLOAT_expanded
        test_castlike_INT2_to_INT8_expanded test_castlike_INT4_to_FLOAT16_expanded
        test_castlike_INT4_to_FLOAT_expanded test_castlike_INT4_to_INT8_expanded
        test_castlike_UINT2_to_FLOAT16_expanded test_castlike_UINT2_to_FLOAT_expanded
        test_castlike_UINT2_to_UINT8_expanded test_castlike_UINT4_to_FLOAT16_expanded
        test_castlike_UINT4_to_FLOAT_expanded test_castlike_UINT4_to_UINT8_expanded test_identity_opt
        test_identity_sequence test_reduce_max_bool_inputs test_reduce_max_empty_set_bool
        test_reduce_min_bool_inputs
    """,
    "is not one of floating-point numbers": """
        test_cast_FLOAT16_to_FLOAT4E2M1 test_cast_FLOAT16_to_FLOAT8E4M3FN test_cast_FLOAT16_to_FLOAT8E4M3FNUZ
        test_cast_FLOAT16_to_FLOAT8E5M2 test_cast_FLOAT16_to_FLOAT8E5M2FNUZ test_cast_FLOAT16_to_INT2
        test_cast_FLOAT16_to_INT4 test_cast_FLOAT16_to_UINT2 test_cast_FLOAT16_to_UINT4
        test_cast_FLOAT_to_FLOAT4E2M1 test_cast_FLOAT_to_FLOAT8E4M3FN test_cast_FLOAT_to_FLOAT8E4M3FNUZ
        test_cast_FLOAT_to_FLOAT8E5M2 test_cast_FLOAT_to_FLOAT8E5M2FNUZ test_cast_FLOAT_to_INT2
        test_cast_FLOAT_to_INT4 test_cast_FLOAT_to_UINT2 test_cast_FLOAT_to_UINT4
        test_cast_e8m0_FLOAT16_to_FLOAT8E8M0 test_cast_e8m0_FLOAT_to_FLOAT8E8M0
        test_cast_no_saturate_FLOAT16_to_FLOAT8E4M3FN test_cast_no_saturate_FLOAT16_to_FLOAT8E4M3FNUZ
        test_cast_no_saturate_FLOAT16_to_FLOAT8E5M2 test_cast_no_saturate_FLOAT16_to_FLOAT8E5M2FNUZ
        test_cast_no_saturate_FLOAT_to_FLOAT8E4M3FN test_cast_no_saturate_FLOAT_to_FLOAT8E4M3FNUZ
        test_cast_no_saturate_FLOAT_to_FLOAT8E5M2 test_cast_no_saturate_FLOAT_to_FLOAT8E5M2FNUZ
        test_castlike_FLOAT16_to_FLOAT4E2M1_expanded test_castlike_FLOAT16_to_FLOAT8E4M3FNUZ_expanded
        test_castlike_FLOAT16_to_FLOAT8E4M3FN_expanded test_castlike_FLOAT16_to_FLOAT8E5M2FNUZ_expanded
        test_castlike_FLOAT16_to_FLOAT8E5M2_expanded test_castlike_FLOAT16_to_INT2_expanded
        test_castlike_FLOAT16_to_INT4_expanded test_castlike_FLOAT16_to_UINT2_expanded
        test_castlike_FLOAT16_to_UINT4_expanded test_castlike_FLOAT_to_FLOAT4E2M1_expanded
        test_castlike_FLOAT_to_FLOAT8E4M3FNUZ_expanded test_castlike_FLOAT_to_FLOAT8E4M3FN_expanded
        test_castlike_FLOAT_to_FLOAT8E5M2FNUZ_expanded test_castlike_FLOAT_to_FLOAT8E5M2_expanded
        test_castlike_FLOAT_to_INT2_expanded test_castlike_FLOAT_to_INT4_expanded
        test_castlike_FLOAT_to_UINT2_expanded test_castlike_FLOAT_to_UINT4_expanded
        test_castlike_no_saturate_FLOAT16_to_FLOAT8E4M3FNUZ_expanded
        test_castlike_no_saturate_FLOAT16_to_FLOAT8E4M3FN_expanded
        test_castlike_no_saturate_FLOAT16_to_FLOAT8E5M2FNUZ_expanded
        test_castlike_no_saturate_FLOAT16_to_FLOAT8E5M2_expanded
        test_castlike_no_saturate_FLOAT_to_FLOAT8E4M3FNUZ_expanded
        test_castlike_no_saturate_FLOAT_to_FLOAT8E4M3FN_expanded
        test_castlike_no_saturate_FLOAT_to_FLOAT8E5M2FNUZ_expanded
        test_castlike_no_saturate_FLOAT_to_FLOAT8E5M2_expanded
    """,
    "dilations (": """
        test_averagepool_2d_dilations test_maxpool_2d_dilations
    """,
    "images (N, C, H, W) and sequences (N, C, T) are read": """
        test_averagepool_3d_default
        test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False
        test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True
        test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False
        test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True
        test_averagepool_3d_dilations_small test_convtranspose_3d test_maxpool_3d_default
        test_maxpool_3d_dilations test_maxpool_3d_dilations_use_ref_impl
        test_maxpool_3d_dilations_use_ref_impl_large
    """,
    "training mode": """
        test_batchnorm_epsilon_training_mode test_batchnorm_example_training_mode test_training_dropout
        test_training_dropout_default test_training_dropout_zero_ratio
    """,
    "linear_before_reset = 0": """
        test_gru_batchwise test_gru_bidirectional test_gru_defaults test_gru_reverse test_gru_seq_length
        test_gru_with_initial_bias
    """,
    "with rows (N) first in the model's inputs": """
        test_lstm_bidirectional test_lstm_defaults test_lstm_reverse test_lstm_with_initial_bias
        test_lstm_with_peepholes test_rnn_seq_length test_simple_rnn_bidirectional test_simple_rnn_defaults
        test_simple_rnn_reverse test_simple_rnn_with_initial_bias
    """,
    "axis of rows": """
        test_flatten_axis0 test_flatten_axis2 test_flatten_axis3 test_flatten_negative_axis1
        test_flatten_negative_axis2 test_flatten_negative_axis4 test_reshape_allowzero_reordered
        test_reshape_one_dim test_reshape_reordered_all_dims test_training_dropout_default_mask
        test_training_dropout_mask test_training_dropout_zero_ratio_mask
    """,
    "an entry for each row": """
        test_prelu_example
    """,
    "takes the rows": """
        test_slice test_slice_neg_steps
    """,
    "reduces all axes": """
        test_reduce_l1_default_axes_keepdims_example test_reduce_l1_default_axes_keepdims_random
        test_reduce_l2_default_axes_keepdims_example test_reduce_l2_default_axes_keepdims_random
        test_reduce_log_sum_default test_reduce_log_sum_exp_default_axes_keepdims_example
        test_reduce_log_sum_exp_default_axes_keepdims_random test_reduce_max_default_axes_keepdim_example
        test_reduce_max_default_axes_keepdims_random test_reduce_mean_default_axes_keepdims_example
        test_reduce_mean_default_axes_keepdims_random test_reduce_min_default_axes_keepdims_example
        test_reduce_min_default_axes_keepdims_random test_reduce_sum_default_axes_keepdims_example
        test_reduce_sum_default_axes_keepdims_random test_reduce_sum_square_default_axes_keepdims_example
        test_reduce_sum_square_default_axes_keepdims_random
    """,
    "is that of rows": """
        test_gather_0 test_gather_negative_indices test_layer_normalization_2d_axis0
        test_layer_normalization_2d_axis_negative_2 test_layer_normalization_3d_axis0_epsilon
        test_layer_normalization_3d_axis_negative_3_epsilon test_layer_normalization_4d_axis0
        test_layer_normalization_4d_axis_negative_4 test_logsoftmax_axis_0 test_matmul_1d_1d test_matmul_1d_3d
        test_reduce_log_sum_asc_axes test_softmax_axis_0 test_split_1d_uneven_split_opset18
        test_split_equal_parts_1d_opset13 test_split_equal_parts_1d_opset18
        test_split_equal_parts_default_axis_opset13 test_split_equal_parts_default_axis_opset18
        test_split_variable_parts_1d_opset13 test_split_variable_parts_1d_opset18
        test_split_variable_parts_default_axis_opset13 test_split_variable_parts_default_axis_opset18
        test_split_zero_size_splits_opset13 test_split_zero_size_splits_opset18 test_squeeze
    """,
    "nothing fixes their sizes": """
        test_reduce_l1_empty_set test_reduce_l2_empty_set test_reduce_log_sum_empty_set
        test_reduce_log_sum_exp_empty_set test_reduce_max_empty_set test_reduce_min_empty_set
        test_reduce_sum_empty_set test_reduce_sum_empty_set_non_reduced_axis_zero
        test_reduce_sum_square_empty_set
    """,
    "not supported; expected nearest": """
        test_resize_downsample_scales_cubic test_resize_downsample_scales_cubic_A_n0p5_exclude_outside
        test_resize_downsample_scales_cubic_align_corners test_resize_downsample_scales_cubic_antialias
        test_resize_downsample_scales_linear_align_corners
        test_resize_downsample_scales_linear_antialias test_resize_downsample_scales_linear_half_pixel_symmetric
        test_resize_downsample_sizes_cubic test_resize_downsample_sizes_cubic_antialias
        test_resize_downsample_sizes_linear_antialias
        test_resize_tf_crop_and_resize test_resize_tf_crop_and_resize_axes_2_3
        test_resize_tf_crop_and_resize_axes_3_2 test_resize_tf_crop_and_resize_extrapolation_value
        test_resize_upsample_scales_cubic test_resize_upsample_scales_cubic_A_n0p5_exclude_outside
        test_resize_upsample_scales_cubic_align_corners test_resize_upsample_scales_cubic_asymmetric
        test_resize_upsample_scales_linear_align_corners
        test_resize_upsample_scales_linear_half_pixel_symmetric test_resize_upsample_sizes_cubic
        test_resize_upsample_sizes_nearest_ceil_half_pixel
        test_resize_upsample_sizes_nearest_floor_align_corners
        test_resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric
    """,
    "do not make whole sizes": """
        test_resize_downsample_scales_linear
    """,
    "pytorch_half_pixel": """
        test_resize_downsample_sizes_linear_pytorch_half_pixel
    """,
    "axes are not supported": """
        test_resize_downsample_sizes_nearest_not_larger test_resize_downsample_sizes_nearest_not_smaller
        test_resize_upsample_scales_nearest_axes_2_3 test_resize_upsample_scales_nearest_axes_3_2
        test_resize_upsample_sizes_nearest_axes_2_3 test_resize_upsample_sizes_nearest_axes_3_2
        test_resize_upsample_sizes_nearest_not_larger test_resize_upsample_sizes_nearest_not_smaller
    """,
    "is a constant; expected values": """
        test_concat_1d_axis_0 test_concat_1d_axis_negative_1 test_concat_2d_axis_0
        test_concat_2d_axis_negative_2 test_concat_3d_axis_0 test_concat_3d_axis_negative_3
    """,
    "is computed by the graph": """
        test_simple_rnn_batchwise
    """,
    "transA": """
        test_gemm_all_attributes test_gemm_transposeA
    """,
    "C has the shape": """
        test_gemm_default_matrix_bias
    """,
    "does not fit its input": """
        test_matmul_3d test_matmul_4d test_matmul_4d_1d test_matmul_bcast
    """,
    "expected at least one, in it": """
        test_slice_start_out_of_bounds
    """,
    "neither its exponent": """
        test_pow test_pow_bcast_array test_pow_example test_pow_types_float32_int32 test_pow_types_float32_int64
        test_pow_types_float32_uint32 test_pow_types_float32_uint64 test_pow_types_int32_float32
        test_pow_types_int32_int32 test_pow_types_int64_float32 test_pow_types_int64_int64
    """,
    "not supported": """
        test_spacetodepth_crd_mode_example
    """,
    "whole numbers, in which each cell": """
        test_resize_downsample_scales_nearest test_resize_downsample_sizes_nearest
        test_resize_upsample_sizes_nearest
    """,
}
"""The cases are those of onnx 1.23; other versions have some more or fewer."""
