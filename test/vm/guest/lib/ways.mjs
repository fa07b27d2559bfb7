/** Instead of an errno (programs/ways.h): it failed without one, its process was killed, it was not even tried. */
export const UNTOLD = 253;
export const WAS_KILLED = 254;
export const NOT_TRIED = 255;

/** What a program of ways (programs/ways.h) has printed: of each way its errno, 0 where it led there, and its process. */
export const waysOf = (stdout) =>
  new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([way, errno, pid]) => [way, { errno: Number(errno), pid: Number(pid) }]),
  );
