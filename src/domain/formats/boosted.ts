import { openFlatBuffer, tables, text, type FlatTable } from './flatbuffer.ts';
import { attempt, note } from './problem.ts';
import type { Findings, MetadataItem, NamedSource, Problem } from './types.ts';
import { u32 } from './zip-fields.ts';

const HEAD_BYTES = 1 << 20;
const KEYS = /^(version|num_class|max_feature_idx|objective|tree_sizes|linear_tree)=(.*)$/;

/** A LightGBM model: text, of which the lines before the first tree say what it is. @see LightGBM src/boosting/gbdt_model_text.cpp */
export async function readLightGbm({ source }: NamedSource): Promise<Findings> {
  const head = Buffer.from(await source.read(0, HEAD_BYTES)).toString('utf8');
  const metadata: MetadataItem[] = [];
  for (const line of head.split('\nTree=0', 1)[0]?.split('\n') ?? []) {
    const [, key, value = ''] = KEYS.exec(line.trimEnd()) ?? [];
    if (key === 'tree_sizes')
      metadata.push({ key: 'num_trees', value: value.split(' ').length, place: 'text:tree_sizes' });
    else if (key !== undefined) metadata.push({ key, value: value.slice(0, 4096), place: `text:${key}` });
  }
  const version = metadata.find(({ key }) => key === 'version')?.value;
  return { format: 'lightgbm', kind: 'weights', metadata, ...(typeof version === 'string' ? { version } : {}) };
}

/** A CatBoost model: `CBM1`, a length, and a flat buffer with facts beside the trees. @see catboost/libs/model/flatbuffers/model.fbs */
export async function readCatBoost({ source }: NamedSource): Promise<Findings> {
  const problems: Problem[] = [];
  const metadata: MetadataItem[] = [];
  await attempt(problems, async () => {
    const size = u32(await source.read(4, 4), 0);
    const core = await openFlatBuffer(source, 8, Math.min(source.size, 8 + size));
    if (8 + size > source.size)
      note(problems, { code: 'truncated', message: `ends early: ${size} bytes are stated`, offset: 4 });
    const version = await text(core, 0);
    if (version !== null) metadata.push({ key: 'format_version', value: version, place: 'catboost:FormatVersion' });
    for await (const entry of tables(core, 2)) await addFact(entry, metadata);
  });
  const written = metadata.find(({ key }) => key === 'catboost_version_info')?.value;
  const [, version] =
    /CatBoost info:[\s\S]*?version:?\s*([\w.]+)/i.exec(typeof written === 'string' ? written : '') ?? [];
  return { format: 'catboost', metadata, problems, ...(version === undefined ? {} : { version }) };
}

async function addFact(entry: FlatTable, metadata: MetadataItem[]): Promise<void> {
  const [key, value] = [await text(entry, 0), await text(entry, 1, 1 << 20)];
  if (key !== null && value !== null && metadata.length < 1000)
    metadata.push({ key, value: value.slice(0, 4096), place: `catboost:InfoMap.${key}` });
}
