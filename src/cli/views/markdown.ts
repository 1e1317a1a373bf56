import { forMarkdown } from '../../domain/base/text.ts';

/** A GitHub-flavoured table with every cell escaped; `None.` without rows. */
export function markdownTable(columns: readonly string[], body: readonly (readonly string[])[]): string {
  if (body.length === 0) return 'None.';
  const line = (cells: readonly string[]) => `| ${cells.map(forMarkdown).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---').join('|')}|`, ...body.map(line)].join('\n');
}
