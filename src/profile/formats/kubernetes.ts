// What all objects of Kubernetes have in common: names, labels, and YAML that no name can break out of.
import { stringify } from 'yaml';

const MOST = 63;

/** A name of an object (RFC 1123: lower case, digits, dashes) for an agent. */
export const objectName = (agent: string): string =>
  `agentgov-${agent.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, MOST).replace(/-+$/, '');

/** The value of a label: letters and digits at both ends, 63 characters at most. */
export const labelValue = (agent: string): string =>
  agent
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MOST)
    .replace(/[^A-Za-z0-9]+$/, '') || 'agent';

/** Pods are found by a label that only their owner knows: this one is to be replaced. */
export const podLabels = (agent: string): Record<string, string> => ({ 'agentgov/agent': labelValue(agent) });
export const LABEL_NOTE = 'It is for pods with the label agentgov/agent: give them this label, or write yours.';

export const toYaml = (object: object): string => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
