/** Addresses of the actors: servers of ours, clients that misbehave, and who comes from outside. */
export const server = (number: number): string => `10.30.2.${number}`;
export const inside = (number: number): string => `10.30.3.${number}`;
export const outside = (number: number): string => `203.0.113.${number}`;
