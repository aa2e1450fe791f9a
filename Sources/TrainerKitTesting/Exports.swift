// So that a plugin's tests need one import.
@_exported public import FleetModel
@_exported public import Wire
