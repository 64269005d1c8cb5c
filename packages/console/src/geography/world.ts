/** The countries of the world as paths to draw, from geometry that is part of the console. */
import { geoNaturalEarth1, geoPath } from 'd3-geo';
import { feature } from 'topojson-client';
import world from 'world-atlas/countries-110m.json' with { type: 'json' };
import { countryLetters } from './country-code.ts';

export interface CountryShape {
  /** Two letters; undefined where ISO has none. */
  letters: string | undefined;
  name: string;
  path: string;
}

export const MAP_WIDTH = 960;
export const MAP_HEIGHT = 480;

/** Nobody lives there, and it takes a fifth of the drawing. */
const ANTARCTICA = '010';

let shapes: readonly CountryShape[] | undefined;

export function countryShapes(): readonly CountryShape[] {
  shapes ??= drawn();
  return shapes;
}

function drawn(): CountryShape[] {
  const topology = world as unknown as Parameters<typeof feature>[0];
  const countries = topology.objects['countries'];
  if (countries === undefined) return [];
  const collection = feature(topology, countries);
  const features = (collection.type === 'FeatureCollection' ? collection.features : [collection]).filter(
    ({ id }) => id !== ANTARCTICA,
  );
  const projection = geoNaturalEarth1().fitSize([MAP_WIDTH, MAP_HEIGHT], {
    type: 'FeatureCollection',
    features,
  });
  const path = geoPath(projection).digits(1);
  return features.map((shape) => ({
    letters: countryLetters(String(shape.id ?? '')),
    name: String(shape.properties?.['name'] ?? ''),
    path: path(shape) ?? '',
  }));
}
