// A plugin of esbuild: writes down whose work a bundle holds, with each package's own licence text, as most licences ask.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const NOTICES = 'THIRD-PARTY-NOTICES.txt';

const PACKAGE = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/** Several bundles are built beside each other: what each holds is added to what the others hold. */
const folders = new Set<string>();

export function bundledNotices(): Plugin {
  return {
    name: 'bundled-notices',
    setup(build) {
      build.initialOptions.metafile = true;
      build.onEnd(({ metafile }) => {
        for (const { inputs } of Object.values(metafile?.outputs ?? {})) {
          for (const input of Object.keys(inputs)) {
            const folder = input.match(PACKAGE)?.[0];
            if (folder !== undefined) folders.add(folder);
          }
        }
        const text = [...folders]
          .map(noticeOf)
          .sort()
          .join(`\n${'-'.repeat(80)}\n\n`);
        mkdirSync('dist', { recursive: true });
        writeFileSync(join('dist', NOTICES), `agentgov contains these packages.\n\n${text}`);
      });
    },
  };
}

/** @throws Error when a package names no licence text: it must not be bundled then. */
function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  const text = licenceIn(folder);
  if (text === undefined) throw new Error(`${name} has no licence text, so it cannot be bundled`);
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

/** A file of its own; else, as older packages have it, the last section of the page that they are shown with. */
function licenceIn(folder: string): string | undefined {
  const files = readdirSync(folder);
  const own = files.find((entry) => /^licen[cs]e/i.test(entry));
  if (own !== undefined) return readFileSync(join(folder, own), 'utf8');
  const page = files.find((entry) => /^readme/i.test(entry));
  return page && /^#+ *licen[cs]e *\n([\s\S]*)/im.exec(readFileSync(join(folder, page), 'utf8'))?.[1];
}
