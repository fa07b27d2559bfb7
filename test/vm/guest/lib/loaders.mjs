import { readdirSync, readFileSync } from 'node:fs';

/** The pids of loaders that hold somebody. */
export const loaders = () =>
  readdirSync('/proc')
    .filter((pid) => {
      try {
        return /agentgov-loader\0run/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
      } catch {
        return false;
      }
    })
    .map(Number);
