// Stands for ./commands/monitor.js in the program that is built (tsup.config.ts): its code comes compiled.
import type { Command } from 'commander';
import { startBundle } from './code-cache.js';

type Monitor = typeof import('./commands/monitor.js');

const { exports: monitor, keep } = startBundle<Monitor>(new URL('./monitor.cjs', import.meta.url));

export const monitorCommand = (command: string[] | undefined): Command => monitor.monitorCommand(command, keep);
