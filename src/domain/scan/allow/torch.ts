/**
 * What `torch.load(weights_only=True)` itself accepts, by exact name.
 * Source: pytorch/pytorch torch/_weights_only_unpickler.py @00f730b66e58 (2.15.0 adds float4_e2m1fn_x2, bcomplex32), torch/storage.py
 * @000ad7f970b2.
 */
export const WEIGHTS_ONLY: Readonly<Record<string, string>> = {
  collections: 'OrderedDict Counter',
  'torch.nn.parameter': 'Parameter',
  'torch.serialization': '_get_layout',
  torch:
    'Size Tensor device per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric per_channel_affine_float_qparams float64 ' +
    'float32 float16 int64 int32 int16 int8 uint8 bool bfloat16 complex128 complex64 qint8 qint32 quint8 quint4x2 quint2x4 float8_e5m2 ' +
    'float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz float8_e8m0fnu float4_e2m1fn_x2 bcomplex32 bits8 bits16 bits1x8 bits2x4 bits4x2 complex32 uint16 uint32 uint64 uint1 uint2 ' +
    'uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7 DoubleStorage FloatStorage HalfStorage LongStorage IntStorage ShortStorage ' +
    'CharStorage ByteStorage BoolStorage BFloat16Storage ComplexDoubleStorage ComplexFloatStorage QInt8Storage QInt32Storage QUInt8Storage ' +
    'QUInt4x2Storage QUInt2x4Storage',
  _codecs: 'encode',
  builtins: 'bytearray set complex',
  'torch._tensor': '_rebuild_from_type_v2',
  'torch._utils':
    '_rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 ' +
    '_rebuild_sparse_tensor _rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass _rebuild_device_tensor_from_numpy ' +
    '_rebuild_device_tensor_from_cpu_tensor',
  'torch.storage': 'UntypedStorage TypedStorage',
};

/** Opcodes that unpickler knows; any other one is refused. */
export const WEIGHTS_ONLY_OPCODES: ReadonlySet<string> = new Set([
  'GLOBAL',
  'NEWOBJ',
  'REDUCE',
  'BUILD',
  'APPEND',
  'APPENDS',
  'SETITEM',
  'SETITEMS',
  'MARK',
  'TUPLE',
  'TUPLE1',
  'TUPLE2',
  'TUPLE3',
  'NONE',
  'NEWFALSE',
  'NEWTRUE',
  'EMPTY_TUPLE',
  'EMPTY_LIST',
  'EMPTY_DICT',
  'EMPTY_SET',
  'BININT',
  'BININT1',
  'BININT2',
  'BINFLOAT',
  'BINUNICODE',
  'SHORT_BINSTRING',
  'BINPERSID',
  'BINGET',
  'LONG_BINGET',
  'BINPUT',
  'LONG_BINPUT',
  'LONG1',
  'PROTO',
  'STOP',
]);

/** Further reconstruction functions and value types of PyTorch's own pickles (torch/_utils.py, torch/storage.py, torch/jit/_pickle.py 2.5.1). */
export const TORCH: Readonly<Record<string, string>> = {
  'torch._utils': '_rebuild_nested_tensor _rebuild_sparse_csr_tensor _set_obj_state',
  'torch.storage': 'UntypedStorage TypedStorage _UntypedStorage _TypedStorage',
  'torch.jit._pickle':
    'build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id restore_type_tag',
  // What `.metadata` of a distributed checkpoint is made of (2.15.0): records and enumerations.
  'torch.distributed.checkpoint.metadata':
    'Metadata MetadataIndex StorageMeta TensorProperties TensorStorageMetadata BytesStorageMetadata ChunkStorageMetadata _MEM_FORMAT_ENCODING',
  'torch.distributed.checkpoint.filesystem': '_StorageInfo',
  'torch.distributed._shard.sharded_tensor.metadata': 'TensorProperties MEM_FORMAT_ENCODING',
  'torch.backends.cuda': 'CUDAGraph',
  'torch.functional': 'Tensor',
  'torch.nn.functional':
    'relu gelu silu elu selu celu leaky_relu relu6 tanh sigmoid softplus softsign mish hardswish hardsigmoid hardtanh glu logsigmoid softmax log_softmax',
  'torch.nn.parallel.data_parallel': 'DataParallel',
  'torch.nn.utils.weight_norm': 'WeightNorm',
  'torch.nn.utils.spectral_norm': 'SpectralNorm SpectralNormStateDictHook SpectralNormLoadStateDictPreHook',
  'torch.nn': 'Parameter Module Sequential ModuleList ModuleDict ParameterList ParameterDict',
  'torch.utils.data.dataset': 'TensorDataset Subset ConcatDataset',
  'torch._C': '_TensorBase _disabled_torch_function_impl Generator',
  'torch.cuda':
    'DoubleStorage FloatStorage HalfStorage LongStorage IntStorage ShortStorage CharStorage ByteStorage BoolStorage BFloat16Storage ComplexDoubleStorage ComplexFloatStorage DoubleTensor FloatTensor HalfTensor LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor BFloat16Tensor ComplexDoubleTensor ComplexFloatTensor',
  'torch.sparse':
    'DoubleTensor FloatTensor HalfTensor LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor BFloat16Tensor ComplexDoubleTensor ComplexFloatTensor',
  'torch.cuda.sparse':
    'DoubleTensor FloatTensor HalfTensor LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor BFloat16Tensor ComplexDoubleTensor ComplexFloatTensor',
  torch:
    'DoubleTensor FloatTensor HalfTensor LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor BFloat16Tensor ComplexDoubleTensor ComplexFloatTensor dtype layout memory_format strided sparse_coo contiguous_format preserve_format UntypedStorage TypedStorage Generator finfo iinfo',
};
