/** Whether a kernel's release (`6.1.0-41-cloud-amd64`) is of an older series than that (`6.8`). */
export const isBefore = (kernel, since) => {
  const [[a, b], [x, y]] = [kernel, since].map((text) => text.split('.').map(Number.parseFloat));
  return a < x || (a === x && b < y);
};
