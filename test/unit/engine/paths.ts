import { join } from 'node:path';
import { canary, scratch } from '../../support/scratch.js';

const folder = scratch();

/** A path that is not there yet, in a folder that is removed after the tests. */
export const newPath = (): string => join(folder, canary());
