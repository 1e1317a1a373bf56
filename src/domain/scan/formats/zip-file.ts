import type { NamedSource } from '../../formats/types.ts';
import { judgeZip, type ZipContent } from '../containers/zip.ts';
import { inside, report, type Setting, type Spot } from '../session.ts';
import { judgeArchiveKind } from './archives.ts';
import { unreadable } from './closed.ts';

/** Each member is a file of its own; what the archive is for is judged by all of them. */
export async function judgeZipFile(spot: Spot, file: NamedSource): Promise<boolean> {
  const content = await judgeZip(spot, file.source);
  const head = await file.source.read(0, 4);
  const magic = head[0] === 0x50 && head[1] === 0x4b && (head[2] ?? 9) < 9;
  if (content === null) return magic && unreadable(spot, 'a zip file without a usable directory');
  if (!magic)
    report(spot, 'WM-ARCHIVE-007', 'the file does not start as the zip archive it ends as', { severity: 'medium' });
  await judgeArchiveKind(spot, content);
  for (const member of content.members)
    await spot.session.examine(
      inside(spot, member.name),
      { path: member.name, source: member.source },
      settingOf(content, member.name),
    );
  return true;
}

function settingOf({ torchScript }: ZipContent, name: string): Setting {
  return {
    torchScript,
    rawData: /(^|\/)(data|constants)\/((weights|constants)\/)?[\w.-]+$/.test(name) && !/\.\w{2,}$/.test(name),
  };
}
