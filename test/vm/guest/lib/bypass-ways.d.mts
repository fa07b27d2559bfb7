type Kind = 'deny' | 'allow';

export interface Way extends Record<Kind, string> {
  name: string;
  what: string;
  since?: string;
  open?: Partial<Record<Kind, string>>;
  untold?: true;
}

export const ROOMS: [string, Way[]][];
export const WAYS: Way[];
