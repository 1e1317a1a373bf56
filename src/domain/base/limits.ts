/** Every bound on untrusted input, in one place (DESIGN 8.8). Bytes unless the name says otherwise. */
export const LIMITS = {
  jsonDepth: 64,
  yamlBytes: 8 << 20,
  yamlDepth: 64,
  /** A claim (one Sigstore bundle) and a file of them: security rule 24. */
  claimBytes: 16 << 20,
  claimsFileBytes: 256 << 20,
  claimsPerFile: 10_000,
  /** An OMS bundle lists every file, about 200 bytes each: what its specification makes of five million. */
  signatureBytes: 1 << 30,
  subjectsPerStatement: 1024,
  digestsPerSubject: 32,
  timestampsPerBundle: 32,
  logEntriesPerBundle: 32,
  certificatesPerBundle: 16,
  /** Names of one certificate times limits of one CA above it. */
  namesCompared: 100_000,
  filesPerTree: 5_000_000,
  treeDepth: 256,
  pathBytes: 4096,
  digestListBytes: 1 << 30,
  manifestBytes: 64 << 20,
  /** The list of all versions of one model in a folder registry: about 2.5 KB each. */
  layoutBytes: 256 << 20,
  manifestFiles: 8000,
  /** Files up to this are copied many at a time, through one buffer; larger ones each by itself. */
  smallFileBytes: 1 << 20,
  bomFileSubjects: 1000,
  /** Files a BOM names each by itself; of more it names the notable ones, and the list of all by its digest. */
  bomFiles: 20_000,
  bomNotableFiles: 5000,
  /** What is wrong with files, told one by one in a BOM. */
  bomProblems: 5000,
  bomBytes: 256 << 20,
  policyBytes: 1 << 20,
  keyFileBytes: 1 << 20,
  trustedRootBytes: 4 << 20,
  configBytes: 1 << 20,
  documentBytes: 32 << 20,
  safetensorsHeaderBytes: 100_000_000,
  tensorsPerFile: 1_000_000,
  archiveMembers: 200_000,
  archiveDepth: 6,
  archiveRatio: 1000,
  archiveInflatedBytes: 4 * 2 ** 30,
  pickleOpcodes: 50_000_000,
  pickleDepth: 1000,
  pickleMemo: 500_000,
  /** Memo entries of any size: names among them are kept beyond `pickleMemo`, further ones are not examined. */
  pickleMemoNames: 1_000_000,
  pickleStack: 1_000_000,
  /** Values kept in containers; further ones are judged and counted, not kept. */
  pickleValues: 2_000_000,
  pickleStringBytes: 65_536,
  pickleTextBytes: 96 << 20,
  lineageDepth: 64,
  lineageNodes: 20_000,
  logLeafBytes: 65_535,
  feedBytes: 64 << 20,
  httpJsonBytes: 16 << 20,
  redirects: 3,
  /** A trust anchor's PEM file: a corporate bundle of roots and intermediates. */
  certificatesPerFile: 64,
  trustEntries: 2000,
  trustFileBytes: 8 << 20,
  identityBytes: 2048,
  patternBytes: 512,
  /** An OIDC token or an RFC 3161 answer. */
  tokenBytes: 64 << 10,
  /** Tensors whose details a report keeps; all are counted. */
  tensorsListed: 100_000,
  ggufKeys: 100_000,
  protobufFields: 10_000_000,
  /** Sub-graphs, groups and flat tables inside each other. */
  formatDepth: 32,
  /** Names, headers and texts of one file kept while it is read. */
  structureBytes: 256 << 20,
  /** An archive member or compressed stream held in memory so that it can be read at random. */
  memberBytes: 64 << 20,
  /** Bytes one exported range proof may prove, and its file. */
  proofRangeBytes: 64 << 20,
  proofFileBytes: 96 << 20,
  /** An outboard held in memory to name what differs: of a file of 256 GiB. */
  outboardBytes: 1 << 30,
  /** Parts of a file that evidence lists. */
  partsListed: 100,
} as const;
