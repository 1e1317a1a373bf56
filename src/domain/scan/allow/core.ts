/**
 * Value types of Python itself, by exact name: constructing them has no effect outside. Names of Python 3.
 * Source: the standard library's `__reduce__` methods and `copyreg`, read in CPython 3.11 and 3.13; protocol 0 to 2 names
 * through `_compat_pickle`.
 */
/** Functions of two values, as operators are. */
const OPERATORS =
  'or_ and_ xor add sub mul truediv floordiv mod neg pos abs invert lt le eq ne ge gt not_ is_ is_not concat contains lshift rshift';

export const PYTHON: Readonly<Record<string, string>> = {
  builtins:
    'bool bytearray bytes complex dict float frozenset int list object range set slice str tuple Ellipsis NotImplemented ' +
    'NoneType ellipsis Exception ValueError TypeError KeyError RuntimeError IndexError AttributeError ArithmeticError ZeroDivisionError ' +
    'abs all any divmod enumerate hash len max min ord chr pow repr reversed round sorted sum zip',
  collections: 'OrderedDict Counter defaultdict deque ChainMap UserDict UserList UserString',
  copyreg: '_reconstructor __newobj__ __newobj_ex__',
  _codecs: 'encode',
  datetime: 'date datetime time timedelta timezone',
  _operator: OPERATORS,
  operator: OPERATORS,
  decimal: 'Decimal',
  fractions: 'Fraction',
  enum: 'Enum IntEnum Flag',
  pathlib: 'Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath',
  'pathlib._local': 'Path PurePath PosixPath PurePosixPath WindowsPath PureWindowsPath',
  uuid: 'UUID SafeUUID',
  argparse: 'Namespace',
  types: 'SimpleNamespace GenericAlias NoneType EllipsisType NotImplementedType',
  array: 'array _array_reconstructor',
  re: '_compile compile RegexFlag',
  ipaddress: 'IPv4Address IPv6Address IPv4Network IPv6Network',
  zoneinfo: 'ZoneInfo ZoneInfo._unpickle',
  'zoneinfo._common': 'ZoneInfo ZoneInfo._unpickle',
  'backports.zoneinfo': 'ZoneInfo ZoneInfo._unpickle',
  logging: 'getLogger',
  string: 'Template',
  time: 'struct_time',
  itertools: 'count',
  http: 'HTTPStatus HTTPMethod',
  random: 'Random',
  _io: 'BytesIO StringIO',
  io: 'BytesIO StringIO',
};

/**
 * NumPy, by exact name. Source: `__reduce__` of ndarray, dtype, scalar, MaskedArray and the random generators in NumPy 1.26 and 2.x
 * (`numpy.core` is the spelling before 2.0). `scalar` and `_reconstruct` get their type as an argument, which is judged by itself.
 */
export const NUMPY: Readonly<Record<string, string>> = {
  numpy:
    'ndarray dtype matrix recarray bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble ' +
    'complex64 complex128 str_ bytes_ void object_ datetime64 timedelta64 intc uintc int_ uint longlong ulonglong half single double ' +
    'generic number integer floating nan inf poly1d record',
  'numpy.lib.polynomial': 'poly1d',
  'numpy.lib._polynomial_impl': 'poly1d',
  'numpy.core.multiarray': '_reconstruct scalar',
  'numpy._core.multiarray': '_reconstruct scalar',
  'numpy.core._multiarray_umath': '_reconstruct scalar',
  'numpy._core._multiarray_umath': '_reconstruct scalar',
  'numpy.core.numeric': '_frombuffer',
  'numpy._core.numeric': '_frombuffer',
  'numpy.core._internal': '_convert_to_stringdtype_kwargs',
  'numpy._core._internal': '_convert_to_stringdtype_kwargs',
  'numpy.ma.core': '_mareconstruct MaskedArray MaskedConstant',
  'numpy.ma': 'MaskedArray',
  'numpy.matrixlib.defmatrix': 'matrix',
  'numpy.rec': 'recarray record',
  'numpy.core.records': 'recarray record',
  'numpy._core.records': 'recarray record',
  'numpy.random': 'RandomState Generator __RandomState_ctor __randomstate_ctor __generator_ctor __bit_generator_ctor',
  'numpy.random.mtrand': 'RandomState',
  'numpy.random._generator': 'Generator',
  'numpy.random._mt19937': 'MT19937',
  'numpy.random._pcg64': 'PCG64 PCG64DXSM',
  'numpy.random._philox': 'Philox',
  'numpy.random._sfc64': 'SFC64',
  'numpy.random._pickle': '__randomstate_ctor __generator_ctor __bit_generator_ctor',
  'numpy.random.bit_generator': 'SeedSequence __pyx_unpickle_SeedSequence',
  'numpy.dtypes':
    'BoolDType Int8DType UInt8DType Int16DType UInt16DType Int32DType UInt32DType Int64DType UInt64DType Float16DType Float32DType ' +
    'Float64DType Complex64DType Complex128DType ObjectDType StrDType BytesDType VoidDType DateTime64DType TimeDelta64DType StringDType',
  'numpy.polynomial.polynomial': 'Polynomial',
};

/** Reconstruction functions of other libraries' value types, by exact name. Source: their `__reduce__` methods. */
export const VALUES: Readonly<Record<string, string>> = {
  'nltk.probability': 'ConditionalFreqDist ELEProbDist FreqDist LaplaceProbDist LidstoneProbDist MLEProbDist',
  'nltk.tree.tree': 'Tree',
  pytz: '_p _UTC UTC',
  'pytz.tzinfo': 'DstTzInfo StaticTzInfo',
  'dateutil.tz.tz': 'tzutc tzlocal tzfile tzoffset tzrange tzstr _tzoffset_factory',
  'dateutil.tz._tzfile': 'tzfile _unpickle',
  'dateutil.relativedelta': 'relativedelta',
  'fastai.torch_core': '_fa_rebuild_tensor _fa_rebuild_qtensor TensorBase TensorImage TensorCategory',
  'jax._src.array': '_reconstruct_array',
  'jax._src.device_array': 'reconstruct_device_array',
  'flax.core.frozen_dict': 'FrozenDict',
  'pyarrow.lib': '_restore_array _reconstruct_table _reconstruct_record_batch py_buffer type_for_alias field schema',
  'spacy.vocab': 'unpickle_vocab',
  'spacy.strings': 'StringStore',
  'spacy.vectors': 'unpickle_vectors',
  'spacy.morphology': 'unpickle_morphology',
  'spacy.lookups': 'Lookups',
  'spacy.tokens.doc': 'unpickle_doc',
  'shapely.io': 'from_wkb',
  'PIL.Image': 'Image',
  'dill._dill': '_create_array',
  'collections.abc': 'Mapping MutableMapping Sequence',
};

/** joblib, by exact name; the data that follows is passed over as joblib does. Source: joblib/numpy_pickle.py 1.5, sklearn.externals of 0.22. */
export const JOBLIB: Readonly<Record<string, string>> = {
  'joblib.numpy_pickle': 'NumpyArrayWrapper',
  'sklearn.externals.joblib.numpy_pickle': 'NumpyArrayWrapper',
  'joblib.numpy_pickle_compat': 'NDArrayWrapper ZNDArrayWrapper',
};

/** Tokenizer and trainer values of the Hugging Face libraries, by exact name. Source: fickling 0.1.12 ML_ALLOWLIST, hayward 1.4.1, the libraries' enums. */
export const HUGGING_FACE: Readonly<Record<string, string>> = {
  'transformers.training_args': 'TrainingArguments OptimizerNames ParallelMode',
  'transformers.training_args_seq2seq': 'Seq2SeqTrainingArguments',
  'transformers.trainer_utils':
    'EvaluationStrategy FSDPOption HubStrategy IntervalStrategy SaveStrategy SchedulerType ShardedDDPOption',
  'transformers.trainer_pt_utils': 'AcceleratorConfig',
  'transformers.integrations.deepspeed': 'HfDeepSpeedConfig HfTrainerDeepSpeedConfig',
  'transformers.deepspeed': 'HfDeepSpeedConfig HfTrainerDeepSpeedConfig',
  'transformers.tokenization_utils_base': 'BatchEncoding AddedToken',
  'accelerate.state': 'PartialState',
  'accelerate.utils.dataclasses': 'DeepSpeedPlugin DistributedType',
  'accelerate.utils.deepspeed': 'HfDeepSpeedConfig',
  tokenizers: 'AddedToken Tokenizer',
  'tokenizers.models': 'Model',
  'trl.trainer.sft_config': 'SFTConfig',
  'trl.trainer.dpo_config': 'DPOConfig FDivergenceType',
  'trl.trainer.grpo_config': 'GRPOConfig',
  'trl.trainer.kto_config': 'KTOConfig',
  'sentence_transformers.training_args': 'BatchSamplers MultiDatasetBatchSamplers SentenceTransformerTrainingArguments',
  'pyannote.audio.core.task': 'Problem Resolution Specifications',
  'pyannote.audio.core.model': 'Introspection',
  'pyannote.core.feature': 'SlidingWindow',
  'pytorch_lightning.utilities.parsing': 'AttributeDict',
  'lightning_fabric.utilities.data': 'AttributeDict',
  'lightning.fabric.utilities.data': 'AttributeDict',
  'pytorch_lightning.callbacks.model_checkpoint': 'ModelCheckpoint',
  'pytorch_lightning.callbacks.early_stopping': 'EarlyStopping',
  'omegaconf.dictconfig': 'DictConfig',
  'omegaconf.listconfig': 'ListConfig',
  'omegaconf.base': 'ContainerMetadata Metadata',
  'omegaconf.nodes': 'AnyNode',
  'torch.torch_version': 'TorchVersion',
  typing:
    'Annotated Any AnyStr Callable ClassVar Collection DefaultDict Deque Dict Final FrozenSet Generic Hashable Iterable Iterator List Literal Mapping MutableMapping NamedTuple Optional Sequence Set Text Tuple Type Union',
  'sklearn.datasets.base': 'Bunch',
  'sklearn.datasets._base': 'Bunch',
};
