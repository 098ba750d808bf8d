import { Module } from '@nestjs/common';
import { ControlPlane } from './control-plane.js';

@Module({ providers: [ControlPlane], exports: [ControlPlane] })
export class ControlModule {}
