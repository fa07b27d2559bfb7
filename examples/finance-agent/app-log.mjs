// The application's own log: what its operators look at. Like many agents in production it keeps, at level info, the
// steps, the model's own words and whether the tools worked, but not the arguments of each tool call.
import { appendFileSync } from 'node:fs';

/** @param {string | undefined} file where to append; standard error when absent */
export function openAppLog(file) {
  const write = (level, text) => {
    const line = `${new Date().toISOString()} ${level.padEnd(5)} ${text.replaceAll('\n', ' ')}\n`;
    if (file) appendFileSync(file, line);
    else process.stderr.write(line);
  };
  return { info: (text) => write('info', text), error: (text) => write('error', text) };
}
