import type { ViewCodec } from '../view-state.ts';

/** What a node stands for: the dimensions of its two sides. */
export const LEVELS = {
  host: { title: 'Hosts', dimensions: ['srcAddr', 'dstAddr'] },
  net: { title: 'Networks /24', dimensions: ['srcAddr/24', 'dstAddr/24'] },
  name: { title: 'Named networks', dimensions: ['srcNetwork', 'dstNetwork'] },
  site: { title: 'Sites', dimensions: ['srcSite', 'dstSite'] },
  peer: { title: 'Peers', dimensions: ['srcPeer', 'dstPeer'] },
  user: { title: 'Users', dimensions: ['srcUser', 'dstUser'] },
  country: { title: 'Countries', dimensions: ['srcCountry', 'dstCountry'] },
  as: { title: 'Autonomous systems', dimensions: ['srcAs', 'dstAs'] },
} as const satisfies Record<string, { title: string; dimensions: readonly [string, string] }>;

export type Level = keyof typeof LEVELS;
export const LEVEL_NAMES = Object.keys(LEVELS) as Level[];

export interface TopologyView {
  level: Level;
  /** What was not there in the period before is marked. */
  news: boolean;
}

export const TOPOLOGY_VIEW: ViewCodec<TopologyView> = {
  parse(parameters) {
    const level = parameters.get('level') ?? '';
    return {
      level: LEVEL_NAMES.find((name) => name === level) ?? 'host',
      news: parameters.get('new') === '1',
    };
  },
  write({ level, news }, parameters) {
    if (level !== 'host') parameters.set('level', level);
    if (news) parameters.set('new', '1');
  },
};
