import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at its first size (1 MB) instead of letting it grow to 16 MB.
 *
 * An event lives for some milliseconds, so collecting young objects often costs little; what it saves are the buffers
 * behind them (chunks read, batches written), which live until their young handle is collected. Measured with a million
 * bulk lines: 140 instead of 200 MB resident at the most, for 4 % more CPU.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
