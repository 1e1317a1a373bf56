import type { Source } from '../../base/source.ts';
import type { Spot } from '../session.ts';
import { judgeBy } from './structure.ts';

const CHAT_TEMPLATE = /^tokenizer\.chat_templates?(\.|$)/;

/** A header that no writer makes, and chat templates, which programs run that load the file. */
export const judgeGguf = judgeBy({
  rule: 'WM-GGUF-001',
  distrustsSizes: true,
  metadata: async (spot, { key, value }) => {
    if (!CHAT_TEMPLATE.test(key)) return false;
    const { judgeTemplate } = await import('../text/template.ts');
    for (const template of Array.isArray(value) ? value : [value])
      if (typeof template === 'string') judgeTemplate(spot, key, template);
    return true;
  },
  unread: judgeTemplateText,
});

/** Chat templates in a GGUF file that its reader could not follow to the end, by their key. */
async function judgeTemplateText(spot: Spot, source: Source): Promise<void> {
  const { judgeTemplate } = await import('../text/template.ts');
  const head = Buffer.from(await source.read(0, 32 << 20));
  const key = 'tokenizer.chat_template';
  for (let at = head.indexOf(key), seen = 0; at >= 0 && seen < 100; at = head.indexOf(key, at + 1), seen++) {
    const [text = ''] =
      /[\t\n\r\x20-\x7e\x80-\xff]{8,}/.exec(head.toString('latin1', at + key.length, at + key.length + (1 << 16))) ??
      [];
    if (text.includes('{')) judgeTemplate(spot, key, text);
  }
}
