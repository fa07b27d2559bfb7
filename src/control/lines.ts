import type { Socket } from 'node:net';

/** Calls back for each line of a socket, and once when a line outgrows `max` bytes; nothing more is read then. */
export function onLines(socket: Socket, max: number, onLine: (line: string) => void, onTooLong: () => void): void {
  let rest = '';
  let dead = false;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    if (dead) return;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > max || lines.some((line) => line.length > max)) {
      dead = true;
      onTooLong();
      return;
    }
    for (const line of lines) onLine(line);
  });
}
