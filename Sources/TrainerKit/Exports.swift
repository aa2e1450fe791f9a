// What a plugin's author speaks of comes with the kit: specs, reports, problems, trial folders.
@_exported public import FleetModel
@_exported public import Wire
