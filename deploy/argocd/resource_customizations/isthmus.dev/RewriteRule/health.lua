-- Health of the kinds of isthmus.dev for Argo CD: the first rule that fits decides.
-- deploy/argocd/health.lua is the source; "npm run generate" copies it to every kind's folder and to argocd-cm.yaml.
local status = obj.status or {}

local function condition(type)
  for _, one in ipairs(status.conditions or {}) do
    if one.type == type then
      return one
    end
  end
  return { status = "Unknown", reason = "", message = "" }
end

local function health(word, one, otherwise)
  local message = otherwise
  if one.message ~= nil and one.message ~= "" then
    message = one.message
  end
  return { status = word, message = message }
end

local programmed = condition("Programmed")
local stalled = condition("Stalled")

if obj.spec ~= nil and obj.spec.paused == true then
  return { status = "Suspended", message = "spec.paused is true: nothing is applied" }
end
if obj.kind ~= "RelayFleet" and programmed.reason == "FleetPaused" then
  return health("Suspended", programmed, "the RelayFleet is paused")
end

if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "the operator has not looked at this generation yet" }
end

if stalled.status == "True" then
  return health("Degraded", stalled, "stalled: " .. (stalled.reason or ""))
end
if programmed.status == "False" and (programmed.reason == "CanaryFailed" or programmed.reason == "ImageTooOld") then
  return health("Degraded", programmed, programmed.reason)
end

if programmed.status ~= "True" then
  for _, type in ipairs({ "Accepted", "ResolvedRefs" }) do
    local one = condition(type)
    if one.status == "False" then
      return health("Progressing", one, type .. " is False: " .. (one.reason or ""))
    end
  end
  return health("Progressing", programmed, "relay pods do not all run it yet")
end

-- Programmed and yet not done: relay pods are being replaced, a certificate is missing, the Service has no address.
local reconciling = condition("Reconciling")
if reconciling.status == "True" then
  return health("Progressing", reconciling, "under way: " .. (reconciling.reason or ""))
end

return health("Healthy", programmed, "every relay pod runs it")
