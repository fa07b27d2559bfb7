/** What a program of ways (programs/ways.h) has printed: of each way its errno, 0 where it led there, and its process. */
export const waysOf = (stdout) =>
  new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([way, errno, pid]) => [way, { errno: Number(errno), pid: Number(pid) }]),
  );
